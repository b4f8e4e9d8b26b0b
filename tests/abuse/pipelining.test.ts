import { once } from 'node:events'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { PASSWORD } from '../support/api.ts'
import { type Service, startService } from './service.ts'
import { get, listen, openSocket, postOf, speak } from './speak.ts'

let service: Service
beforeAll(async () => {
  // A hash of a second or two, behind which the rest of its connection has to wait.
  service = await startService({ isApart: true, environment: { BCRYPT_COST: '14' } })
})
afterAll(() => service.close())

const LIVEZ = get('GET /livez HTTP/1.1')
const MAX_GROWTH_BYTES = 60 * 2 ** 20
const registration = (name: string) =>
  postOf('/v1/users', JSON.stringify({ email: `${name}@example.com`, password: PASSWORD }))

test('what comes behind a slow request waits with the client, not in the service', async () => {
  const before = await service.memory()
  const socket = await openSocket(service.url)
  const first = listen(socket)
  socket.write(registration('slow'))
  const flood = Buffer.from(LIVEZ.repeat(100_000))
  socket.write(Buffer.concat([flood, flood, flood, flood, flood, flood, flood, flood]))
  // Others are answered meanwhile.
  for (let times = 0; times < 50; times++) expect((await speak(service.url, LIVEZ)).answers[0]?.status).toBe(200)
  expect(socket.writableLength).toBeGreaterThan(flood.length)
  expect((await service.memory()) - before).toBeLessThan(MAX_GROWTH_BYTES)
  expect((await first).answers[0]?.status).toBe(202)
  socket.destroy()
})

test('a long line of quick requests lets others in between', async () => {
  const socket = await openSocket(service.url)
  const count = 5000
  let isOver = false
  const line = listen(socket, count).then((heard) => {
    isOver = true
    return heard
  })
  socket.write(LIVEZ.repeat(count))
  await once(socket, 'data')
  expect((await speak(service.url, LIVEZ)).answers[0]?.status).toBe(200)
  expect(isOver).toBe(false)
  expect((await line).answers.map(({ status }) => status)).toEqual(Array.from({ length: count }, () => 200))
})

test.each([1, 2, 3, 5, 17, 64])('requests in pieces of %i bytes are read as they were written', async (size) => {
  const body = '{"email":"\\r\\n\\r\\n GET /livez","password":""}\r\n\r\n'
  const chunked = `${get('POST /v1/users HTTP/1.1', 'Content-Type: text/plain', 'Transfer-Encoding: chunked')}4\r\n\r\n\r\n\r\n3\r\n{}\n\r\n0\r\nX-Trailer: 1\r\n\r\n`
  const bytes = Buffer.from(`\r\n\r\n${LIVEZ}${postOf('/v1/users', body)}${chunked}${LIVEZ}`)
  const socket = (await openSocket(service.url)).setNoDelay()
  const heard = listen(socket, 4)
  for (let at = 0; at < bytes.length; at += size) {
    socket.write(bytes.subarray(at, at + size))
    await new Promise((resolve) => setImmediate(resolve))
  }
  expect((await heard).answers.map(({ status }) => status)).toEqual([200, 422, 415, 200])
  socket.destroy()
})
