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
  app.use((_, next) => next())
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
  expect(await ask(proxy)).toBe(503)
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

test('who is served is not counted', async () => {
  isFull = false
  const guest = connect('192.0.2.1')
  await ask(guest)
  isFull = true
  await ask(guest)
  isFull = false
  for (let times = 0; times < 500; times += 1) await ask(guest)
  isFull = true
  expect(await isLate(ask(connect('192.0.2.1')))).toBe(false)
})

test.each([{ env: undefined }, { env: {} }])('without a connection ($env) all are told at once', async ({ env }) => {
  for (let times = 0; times < 7; times += 1) expect((await app.request('/work', {}, env)).status).toBe(503)
})

test.each([
  { ms: [2001], late: true },
  { ms: [4000], late: true },
  { ms: [4001], late: false },
  { ms: [2001, 2001], late: false },
  { ms: [2000, 2000], late: true },
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
  expect(await isLate(answer.then(({ status }) => status))).toBe(false)
  expect((await answer).status).toBe(503)
})

test('each early return is refused later than the one before, after two seconds and the told time at most', async () => {
  stopClock()
  app.get('/soon/again', (c) => c.text('later', 503, { 'Retry-After': '1' }))
  const goneAtOnce = { signal: AbortSignal.abort() }
  const comers = ['10 /work', '9 /work', '9 /soon/again', '8 /work', '7 /work', '6 /work'].map((comer) => {
    const [returns = '', path = ''] = comer.split(' ')
    return { comer, path, returns: Number(returns), connection: connect('192.0.2.1') }
  })
  for (const { path, returns, connection } of comers)
    for (let times = 0; times < returns; times += 1) await app.request(path, goneAtOnce, connection)
  const order: string[] = []
  await Promise.all(
    comers.map(async ({ comer, path, connection }) => {
      await ask(connection, path)
      order.push(comer)
    }),
  )
  expect(order).toEqual(['6 /work', '7 /work', '9 /soon/again', '8 /work', '10 /work', '9 /work'])
})

test('two thousand refusals are held; past that a connection ends with its refusal, at once', async () => {
  stopClock()
  const clients = new AbortController()
  const answer = async (signal: AbortSignal | null = null, address = '192.0.2.1') =>
    (await app.request('/work', { signal }, connect(address))).headers.get('Connection')
  for (let times = 0; times < 500; times += 1) expect(await answer()).toBeNull()
  const held = Array.from({ length: 2000 }, () => answer(clients.signal))
  expect(await answer()).toBe('close')
  expect(await answer(null, '198.51.100.9')).toBeNull()
  clients.abort()
  expect(new Set(await Promise.all(held))).toEqual(new Set([null]))
  expect(await isLate(ask(connect('192.0.2.1')))).toBe(true)
})
