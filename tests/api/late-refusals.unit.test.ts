import { Hono } from 'hono'
import { beforeEach, expect, test } from 'vitest'
import { readApiConfig } from '../../src/api/config.ts'
import type { ApiEnv } from '../../src/api/context.ts'
import { delayRefusals } from '../../src/api/request/late-refusals.ts'

const { TRUSTED_PROXIES } = readApiConfig({
  DATABASE_URL: 'postgres://x/y',
  SECRET_KEY: 'x'.repeat(32),
  TRUSTED_PROXIES: '10.0.0.0/8',
})

let app: Hono<ApiEnv>
let isFull: boolean
beforeEach(() => {
  isFull = true
  app = new Hono<ApiEnv>()
  app.use(delayRefusals({ trustedProxies: TRUSTED_PROXIES }))
  app.get('/:route', (c) => (isFull ? c.text('later', 503, { 'Retry-After': '60' }) : c.text('done')))
})

const connect = (remoteAddress: string) => ({ incoming: { socket: { remoteAddress } } })
const ask = async (connection: object, path = '/work') => (await app.request(path, {}, connection)).status

/** Whether the answer comes at once, and not only after somebody else's, who is told the same at once. */
const isLate = async (answer: Promise<number>): Promise<boolean> => {
  let isThere = false
  void answer.then(() => {
    isThere = true
  })
  for (let times = 0; times < 10; times += 1) await ask(connect('198.51.100.9'))
  return !isThere
}
const askOften = async (connection: object) => {
  for (let times = 0; times < 6; times += 1) await ask(connection)
}

test('who comes back early again and again is refused late; others are refused at once meanwhile', async () => {
  const stubborn = connect('192.0.2.1')
  await askOften(stubborn)
  expect(await isLate(ask(stubborn))).toBe(true)
  expect(await isLate(ask(connect('192.0.2.1')))).toBe(false)
})

test('only refusals are late: where there is room the early one is served at once, and begins anew', async () => {
  const stubborn = connect('192.0.2.1')
  await askOften(stubborn)
  isFull = false
  expect(await isLate(ask(stubborn))).toBe(false)
  isFull = true
  expect(await isLate(ask(stubborn))).toBe(false)
})

test('another route of the connection is another matter', async () => {
  app.get('/other/route', (c) => c.text('later', 429, { 'Retry-After': '60' }))
  const stubborn = connect('192.0.2.1')
  await askOften(stubborn)
  expect(await isLate(ask(stubborn, '/other/route'))).toBe(false)
})

test('a connection of a trusted proxy carries many people, so none of them waits for what another was told', async () => {
  const proxy = connect('10.0.0.1')
  await askOften(proxy)
  expect(await isLate(ask(proxy))).toBe(false)
})

test('a network that is refused by the hundreds is refused late on new connections too, and served at once', async () => {
  for (let times = 0; times < 500; times += 1) await ask(connect('192.0.2.1'))
  expect(await isLate(ask(connect('192.0.2.1')))).toBe(true)
  isFull = false
  expect(await isLate(ask(connect('192.0.2.1')))).toBe(false)
})

test('a refusal that is held is let go when its client goes', async () => {
  const stubborn = connect('192.0.2.1')
  await askOften(stubborn)
  const client = new AbortController()
  const answer = Promise.resolve(app.request('/work', { signal: client.signal }, stubborn))
  expect(await isLate(answer.then(({ status }) => status))).toBe(true)
  client.abort()
  expect((await answer).status).toBe(503)
})
