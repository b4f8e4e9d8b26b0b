import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Service, startService } from './service.ts'
import { get, openSocket, postOf, speak } from './speak.ts'

let service: Service
beforeAll(async () => {
  service = await startService({ isApart: true, environment: { LOG_LEVEL: 'warn' } })
})
afterAll(() => service.close())

// A garbage collector may leave this much; each of the attacks takes several times as much where nothing holds it back.
const MAX_GROWTH_BYTES = 100 * 2 ** 20

const LIVEZ = get('GET /livez HTTP/1.1')
const SCRIPT = get('GET /docs/swagger-ui-bundle.js HTTP/1.1')

const growthOf = async (attack: () => Promise<unknown>): Promise<number> => {
  const before = await service.memory()
  await attack()
  return (await service.memory()) - before
}
const answers = async () => expect((await speak(service.url, LIVEZ)).answers[0]?.status).toBe(200)

test('an idle process takes little', async () => {
  // 90 MB where Node.js has compiled it before; 147 with all that it may need loaded, and the garbage of loading kept.
  expect(await service.memory()).toBeLessThan(130 * 2 ** 20)
})

test('thousands of unread answers of a megabyte, asked for in a few packets, are not held in memory', async () => {
  const growth = await growthOf(async () => {
    const sockets = await Promise.all(Array.from({ length: 10 }, () => openSocket(service.url)))
    for (const socket of sockets) socket.pause().write(SCRIPT.repeat(1000))
    // What the service does with the first packets it has done when it has answered a hundred others.
    for (let times = 0; times < 100; times++) await answers()
    for (const socket of sockets) socket.destroy()
  })
  expect(growth).toBeLessThan(MAX_GROWTH_BYTES)
})

test('endless bodies are not held in memory', async () => {
  const head = get('POST /v1/users HTTP/1.1', 'Content-Type: application/json', 'Transfer-Encoding: chunked')
  const piece = `ffff\r\n${'x'.repeat(0xffff)}\r\n`
  const growth = await growthOf(() =>
    Promise.all(Array.from({ length: 20 }, () => speak(service.url, `${head}${piece.repeat(50)}`))),
  )
  expect(growth).toBeLessThan(MAX_GROWTH_BYTES)
})

test('thousands of refused requests of every kind leave nothing behind', async () => {
  const attacks = [
    () => postOf('/v1/users', randomBytes(4000)),
    () => postOf('/v1/users', '{"a":'.repeat(800)),
    () => get(`GET /${randomBytes(2000).toString('hex')} HTTP/1.1`),
    () => get('GET /livez HTTP/1.1', `X-Request-Id: ${randomBytes(20).toString('hex')}`, `Cookie: ${'x'.repeat(4000)}`),
    () => get(`${randomBytes(4).toString('hex')} / HTTP/1.1`),
    () => randomBytes(4000),
    () => postOf('/v1/users', '{}', `Idempotency-Key: ${randomBytes(100).toString('hex')}`),
  ]
  const batch = async () => {
    for (let round = 0; round < 15; round++)
      await Promise.all(attacks.flatMap((attack) => Array.from({ length: 10 }, () => speak(service.url, attack()))))
  }
  await batch()
  expect(await growthOf(batch)).toBeLessThan(MAX_GROWTH_BYTES)
})
