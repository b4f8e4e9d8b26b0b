import { availableParallelism } from 'node:os'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { PASSWORD } from '../support/api.ts'
import { PATIENT } from '../support/patient.ts'
import { expectRawProblem, type Service, startService } from './service.ts'
import { get, listen, openSocket, postOf, type RawAnswer, speak } from './speak.ts'

const CORES = availableParallelism()
// A hash of this cost takes a third of a second, so that a queue of two seconds is short.
const COST = '12'

let service: Service
beforeAll(async () => {
  service = await startService({ isApart: true, environment: { BCRYPT_COST: COST } })
})
afterAll(() => service.close())

const registration = (name: string) =>
  postOf('/v1/users', JSON.stringify({ email: `${name}@example.com`, password: PASSWORD }))
const statusOf = async (name: string) => (await speak(service.url, registration(name))).answers[0]?.status
const countUsers = async (pattern: string) =>
  (await service.database.pool.query('select 1 from users where email like $1', [pattern])).rowCount ?? 0

/** Sends all at once, and gives the answers in the order of their coming. */
const flood = (count: number, name: string) => {
  const answers: RawAnswer[] = []
  const done = Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const heard = await speak(service.url, registration(`${name}${index}`))
      answers.push(...heard.answers)
    }),
  )
  return { answers, done }
}

test('in a flood what cannot be hashed soon is refused before what can is done, and livez answers before both', async () => {
  const { answers, done } = flood(60 * CORES, 'flood')
  const livez = await speak(service.url, get('GET /livez HTTP/1.1'))
  expect(livez.answers[0]?.status).toBe(200)
  expect(answers.length).toBeLessThan(60 * CORES)
  await done
  const statuses = answers.map(({ status }) => status)
  expect(new Set(statuses)).toEqual(new Set([202, 503]))
  for (const answer of answers.filter(({ status }) => status === 503)) expectRawProblem(answer, 503, 'overloaded')
  // The last refusal comes before the last admission: nobody waits to be told no.
  expect(statuses.lastIndexOf(503)).toBeLessThan(statuses.lastIndexOf(202))
  expect(await countUsers('flood%')).toBe(statuses.filter((status) => status === 202).length)
})

test('connections that ask again at once, whatever they are told, get few refusals', async () => {
  const SECONDS = 3
  const end = performance.now() + SECONDS * 1000
  const statuses = await Promise.all(
    Array.from({ length: 30 }, async (_, index) => {
      const socket = await openSocket(service.url)
      const heard: number[] = []
      while (performance.now() < end) {
        socket.write(registration(`stubborn${index}`))
        const { answers } = await listen(socket)
        heard.push(...answers.map(({ status }) => status))
        socket.removeAllListeners('data').removeAllListeners('close')
      }
      socket.destroy()
      return heard
    }),
  )
  // Five come at once, then the pauses double: 0.25, 0.5, 1 second.
  for (const heard of statuses)
    expect(heard.filter((status) => status === 503).length).toBeLessThan(20 + heard.length / 2)
  expect(statuses.flat().filter((status) => status === 202).length).toBeGreaterThan(0)
})

test('a flood of logins is bounded in the same way', async () => {
  const authorization = `Authorization: Basic ${Buffer.from(`ada@example.com:${PASSWORD}`).toString('base64')}`
  const answers = await Promise.all(
    Array.from({ length: 60 * CORES }, (_, index) =>
      speak(service.url, get(`GET /v1/users/unknown-${index} HTTP/1.1`, authorization)),
    ),
  )
  const statuses = answers.map((heard) => heard.answers[0]?.status)
  expect(new Set(statuses)).toEqual(new Set([401, 503]))
})

test('thirty connections that poll with right credentials keep nobody else from signing in', async () => {
  const signIn = async (name: string) => {
    const [answer] = (await speak(service.url, statusAs(name))).answers
    return answer?.status
  }
  const statusAs = (name: string) =>
    get(
      `GET /v1/account HTTP/1.1`,
      `Authorization: Basic ${Buffer.from(`${name}@example.com:${PASSWORD}`).toString('base64')}`,
    )
  const others = Array.from({ length: 8 }, (_, index) => `other${index}`)
  for (const name of ['poller', ...others]) expect(await statusOf(name)).toBe(202)
  await service.database.pool.query('update users set activated_at = clock_timestamp() where email ~ $1', [
    '^(poller|other)',
  ])
  let served = 0
  let isOver = false
  const polling = Array.from({ length: 30 }, async () => {
    while (!isOver) if ((await signIn('poller')) === 200) served += 1
  })
  // The first of them hash like anybody's.
  await expect.poll(() => served).toBeGreaterThan(100)
  const signedIn = []
  // Whom a busy machine tells to come back comes back; were the pollers in the way, that would be for as long as they poll.
  for (const name of others) signedIn.push(await vi.waitUntil(async () => (await signIn(name)) === 200, PATIENT))
  isOver = true
  await Promise.all(polling)
  expect(signedIn).toEqual(others.map(() => true))
})

test('the hashes of clients that are gone are dropped', async () => {
  const count = 6 * CORES
  const sockets = await Promise.all(Array.from({ length: count }, () => openSocket(service.url)))
  const [first] = sockets.map((socket, index) => {
    socket.write(registration(`gone${index}`))
    return listen(socket)
  })
  await first
  for (const socket of sockets) socket.resetAndDestroy()
  await expect.poll(() => statusOf('after')).toBe(202)
  expect(await countUsers('gone%')).toBeLessThan(count)
})

test('many requests on one connection hash one at a time', async () => {
  const socket = await openSocket(service.url)
  socket.write(Buffer.concat(Array.from({ length: 4 * CORES }, (_, index) => registration(`line${index}`))))
  const before = await listen(socket)
  socket.resetAndDestroy()
  expect(before.answers[0]?.status).toBe(202)
  await expect.poll(() => statusOf('behind-the-line')).toBe(202)
  expect(await countUsers('line%')).toBeLessThan(4 * CORES)
})
