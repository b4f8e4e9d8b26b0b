import { Hono } from 'hono'
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import { readApiConfig } from '../../src/api/config.ts'
import type { ApiEnv } from '../../src/api/context.ts'
import { delayRefusals } from '../../src/api/request/late-refusals.ts'

const { TRUSTED_PROXIES } = readApiConfig({
  DATABASE_URL: 'postgres://x/y',
  SECRET_KEY: 'x'.repeat(32),
  TRUSTED_PROXIES: '10.0.0.0/8',
})

const WAIT = { 'Retry-After': '60' }

let app: Hono<ApiEnv>
let isFull: boolean
beforeEach(() => {
  isFull = true
  app = new Hono<ApiEnv>()
  app.use(delayRefusals({ trustedProxies: TRUSTED_PROXIES }))
  app.get('/answers/:status', (c) =>
    c.req.param('status') === '429' ? c.text('later', 429, WAIT) : c.text('no', 500, WAIT),
  )
  app.get('/no-time', (c) => c.text('later', 503))
  app.get('/:route', (c) => (isFull ? c.text('later', 503, WAIT) : c.text('done')))
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
const askOften = async (connection: object, path = '/work') => {
  for (let times = 0; times < 6; times += 1) await ask(connection, path)
}

/** A clock that stands still, some seconds on, until it is moved. */
const stopClock = () => {
  let now = Math.ceil(performance.now()) + 5000
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => now)
  onTestFinished(() => clock.mockRestore())
  return (ms: number) => {
    now += ms
  }
}

test('who comes back early again and again is refused late; others are refused at once meanwhile', async () => {
  const stubborn = connect('192.0.2.1')
  await askOften(stubborn)
  expect(await isLate(ask(stubborn))).toBe(true)
  expect(await isLate(ask(connect('192.0.2.1')))).toBe(false)
})

test.each([
  { path: '/answers/429', late: true, what: 'a limit is a refusal for now, too' },
  { path: '/answers/500', late: false, what: 'a fault of ours is none' },
  { path: '/no-time', late: false, what: 'where no time is told nobody is early' },
])('$what', async ({ path, late }) => {
  const stubborn = connect('192.0.2.1')
  await askOften(stubborn, path)
  expect(await isLate(ask(stubborn, path))).toBe(late)
})

test('the sixth early return is late, and the fifth is not', async () => {
  const stubborn = connect('192.0.2.1')
  for (let times = 0; times < 5; times += 1) await ask(stubborn)
  expect(await isLate(ask(stubborn))).toBe(false)
  expect(await isLate(ask(stubborn))).toBe(true)
})

test('who comes back when the told time is over begins anew', async () => {
  const pass = stopClock()
  const patient = connect('192.0.2.1')
  await askOften(patient)
  pass(60_000)
  expect(await isLate(ask(patient))).toBe(false)
  expect(await isLate(ask(patient))).toBe(false)
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
  stopClock()
  for (let times = 0; times < 499; times += 1) await ask(connect('192.0.2.1'))
  expect(await isLate(ask(connect('192.0.2.1')))).toBe(false)
  expect(await isLate(ask(connect('192.0.2.1')))).toBe(true)
  isFull = false
  expect(await isLate(ask(connect('192.0.2.1')))).toBe(false)
})

test.each([
  { ms: [2001], late: true },
  { ms: [4000], late: true },
  { ms: [4001], late: false },
  { ms: [2001, 2001], late: false },
])('its refusals are known after $ms ms: $late', async ({ ms, late }) => {
  const pass = stopClock()
  for (let times = 0; times < 500; times += 1) await ask(connect('192.0.2.1'))
  for (const [at, time] of ms.entries()) {
    pass(time)
    if (at < ms.length - 1) await ask(connect('198.51.100.8'))
  }
  expect(await isLate(ask(connect('192.0.2.1')))).toBe(late)
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
