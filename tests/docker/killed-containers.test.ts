import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { balance } from '../../bench/soak/books.ts'
import { countUnsettled, readLedger } from '../../bench/soak/ledger.ts'
import { startPeople } from '../../bench/soak/people.ts'
import { createRandom, type Random } from '../../bench/soak/random.ts'
import { readTakes } from '../../bench/soak/takes.ts'
import { createKeyring } from '../../src/core/credentials/keyring.ts'
import { docker } from './docker.ts'
import { readInbox } from './inbox.ts'
import { type System, startSystem } from './system.ts'

const PEOPLE = 500
const PER_SECOND = 8
// A slow machine gets no more requests than it can answer.
const AT_ONCE = 20
const KINDS = ['api', 'worker', 'redis', 'postgres', 'gateway'] as const
const ROUNDS = 2
const PATIENT = { timeout: 600_000, interval: 500 }

const seed = Number(process.env.SEED ?? Date.now() % 1_000_000)

let system: System

beforeAll(async () => {
  system = await startSystem('--scale', 'api=2', '--scale', 'worker=3')
  process.stdout.write(`two apis, three workers: ready ${system.upSeconds.toFixed(1)} s after \`up\`; SEED=${seed}\n`)
})
afterAll(async () => system?.down())

/** Kills a container of each kind, in an order and at moments that the seed gives. Docker does not restart what it was told to kill. */
const killOneOfEach = async (random: Random): Promise<void> => {
  const order = KINDS.map((kind) => ({ kind, place: random.next() })).toSorted((a, b) => a.place - b.place)
  for (const { kind } of order) {
    await sleep(random.between(500, 3000))
    const [first = '', ...others] = (await system.containers(kind)).toSorted()
    const victim = random.pick([first, ...others])
    process.stdout.write(`  ${new Date().toISOString().slice(11, 23)} kill ${victim}\n`)
    await docker(['kill', victim])
    await sleep(random.between(0, 3000))
    await docker(['start', victim])
  }
}

/** What the sandbox took, as the books of the soak want it: each mail once, however often it was repeated under its key. */
const readSandbox = async () => {
  const mails = await readInbox(system.inboxUrl)
  return readTakes(
    mails.map(({ to: [to], text, createdAt, idempotencyKey }) => ({
      ...{ key: idempotencyKey, to, text, body: text },
      ...{ at: Date.parse(createdAt), mood: 'well', isTaken: true },
    })),
  )
}

test(`whatever container is killed, each of ${PEOPLE} people gets a 202 and a mail in time, and nobody else does`, async () => {
  const people = startPeople([system.apiUrl], PER_SECOND, createRandom(seed), { most: PEOPLE, atOnce: AT_ONCE })
  const random = createRandom(seed + 1)
  for (let round = 0; round < ROUNDS; round += 1) await killOneOfEach(random)
  const mendedAt = performance.now()
  await expect.poll(() => people.registered.length + people.surprises.length, PATIENT).toBeGreaterThanOrEqual(PEOPLE)
  await people.stop()
  await expect.poll(() => countUnsettled(system.database), PATIENT).toBe(0)
  const settledSeconds = ((performance.now() - mendedAt) / 1000).toFixed(1)

  const [ledger, takes] = [await readLedger(system.database), await readSandbox()]
  const key = await system.compose('exec', '--no-TTY', 'worker', 'cat', '/run/secrets/secret-key')
  const rules = { keyring: createKeyring([key]), ttlMs: 60_000, timeoutMs: 10_000 }
  const repeated = people.registered.filter((one) => one.tries > 1).length
  process.stdout.write(
    `${people.registered.length} people with a 202, ${repeated} after repeating; ${takes.byKey.size} mails (more than one where a try stayed unanswered for half of its minute); settled ${settledSeconds} s after the last kill\n`,
  )
  expect(people.registered).toHaveLength(PEOPLE)
  expect(balance(people.registered, ledger, takes, rules)).toEqual([])
  expect(people.surprises).toEqual([])
})

test('no process ended because another was killed', async () => {
  const running = await docker(['inspect', '--format', '{{.Name}} {{.RestartCount}}', ...(await system.containers())])
  expect(running.split('\n').filter((line) => !line.endsWith(' 0'))).toEqual([])
})
