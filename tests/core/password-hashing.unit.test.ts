import { availableParallelism } from 'node:os'
import { beforeAll, expect, test } from 'vitest'
import { HashingOverloaded, type HashWork } from '../../src/core/credentials/hashing-queue.ts'
import { createPasswordHasher, type PasswordHasher } from '../../src/core/credentials/password.ts'

const CORES = availableParallelism()

const work = (priority: HashWork['priority'] = 'registration', signal = new AbortController().signal): HashWork => ({
  priority,
  signal,
})

let hasher: PasswordHasher
beforeAll(async () => {
  hasher = await createPasswordHasher(4)
})

const isSame = async (one: string, other: string) => hasher.verify(other, await hasher.hash(one, work()), work())

test('a password verifies against its own hash only', async () => {
  expect(await isSame('correct horse battery', 'correct horse battery')).toBe(true)
  expect(await isSame('correct horse battery', 'Correct horse battery')).toBe(false)
})

test('both Unicode forms of a password are one', async () => {
  expect(await isSame('caf\u00e9 society', 'cafe\u0301 society')).toBe(true)
})

test.each([
  ['after 72 bytes', `${'a'.repeat(72)}x`, `${'a'.repeat(72)}y`],
  ['at the end of 256 code points', `${'🦉'.repeat(255)}x`, `${'🦉'.repeat(255)}y`],
  ['after a NUL', 'secret\0one', 'secret\0two'],
  ['by being repeated with a NUL between', 'secret', 'secret\0secret'],
])('two passwords that differ only %s are two', async (_where, one, other) => {
  expect(await isSame(one, other)).toBe(false)
})

test('two hashes of one password differ, at the cost that was asked for', async () => {
  const [one, other] = [await hasher.hash('a password', work()), await hasher.hash('a password', work())]
  expect(one).not.toBe(other)
  expect(one).toMatch(/^\$bcrypt-sha256\$v=2,t=2b,r=4\$/)
})

test('nothing verifies where there is no hash, not even the password of the dummy', async () => {
  expect(await hasher.verify('nobody has this password', null, work())).toBe(false)
  expect(await hasher.verify('', null, work())).toBe(false)
})

// Milliseconds of this process: what else the machine does is not in them.
const workDone = () => process.cpuUsage().user / 1000

const medianOf = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN

test('no hash costs the same work as a wrong password, which costs that of one hash', async () => {
  const slow = await createPasswordHasher(10)
  const hash = await slow.hash('a password', work())
  const acts = {
    none: () => slow.verify('another password', null, work('sign-in')),
    wrong: () => slow.verify('another password', hash, work('sign-in')),
    hash: () => slow.hash('another password', work('sign-in')),
  }
  const times = { none: [0], wrong: [0], hash: [0] }
  for (let round = 0; round < 9; round += 1) {
    for (const name of ['none', 'wrong', 'hash'] as const) {
      const begun = workDone()
      await acts[name]()
      times[name].push(workDone() - begun)
    }
  }
  const ratio = medianOf(times.none) / medianOf(times.wrong)
  expect(ratio).toBeGreaterThan(0.5)
  expect(ratio).toBeLessThan(2)
  expect(medianOf(times.wrong) / medianOf(times.hash)).toBeLessThan(1.6)
})

test('a hash of lower cost, as it comes with an import, is given the work that is missing', async () => {
  const [slow, ...low] = [await createPasswordHasher(9), await createPasswordHasher(5), await createPasswordHasher(8)]
  const hashes = [
    await slow.hash('a password', work()),
    ...(await Promise.all(low.map((one) => one.hash('a password', work())))),
  ]
  const times = hashes.map((): number[] => [])
  for (let round = 0; round < 15; round += 1) {
    for (const [index, hash] of hashes.entries()) {
      const begun = workDone()
      await slow.verify('another password', hash, work('sign-in'))
      times[index]?.push(workDone() - begun)
    }
  }
  const [own = 0, ...padded] = times.map(medianOf)
  for (const ratio of padded.map((median) => median / own)) {
    expect(ratio).toBeGreaterThan(0.7)
    expect(ratio).toBeLessThan(1.5)
  }
})

test('what would wait longer than two seconds is refused at once, and what waits is dropped when its request is gone', async () => {
  const slow = await createPasswordHasher(12)
  const gone = new AbortController()
  const begun = performance.now()
  const hashes = Array.from({ length: 100 * CORES }, () => slow.hash('a password', work('registration', gone.signal)))
  const settled = Promise.allSettled(hashes)
  await expect(hashes.at(-1)).rejects.toBeInstanceOf(HashingOverloaded)
  expect(performance.now() - begun).toBeLessThan(1000)
  expect(slow.waiting()).toBeGreaterThan(0)
  expect(slow.waiting()).toBeLessThan(99 * CORES)
  gone.abort(new Error('the client is gone'))
  expect(slow.waiting()).toBe(0)
  const reasons = (await settled).flatMap((result) => (result.status === 'rejected' ? [result.reason.message] : []))
  expect(new Set(reasons)).toEqual(new Set(['too much hashing is waiting', 'the client is gone']))
  expect(await slow.verify('a password', null, work())).toBe(false)
})

test('a sign-in goes before the registrations that wait', async () => {
  const slow = await createPasswordHasher(4)
  const order: string[] = []
  const registrations = Array.from({ length: 10 * CORES }, async () => {
    await slow.hash('a password', work('registration'))
    order.push('registration')
  })
  const signIn = slow.verify('a password', null, work('sign-in')).then(() => order.push('sign-in'))
  const waiting = slow.waiting()
  await Promise.all([...registrations, signIn])
  expect(waiting).toBeGreaterThan(2 * CORES)
  expect(order.indexOf('sign-in')).toBeLessThan(5 * CORES)
})
