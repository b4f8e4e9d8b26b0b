import fc from 'fast-check'
import { expect, test } from 'vitest'
import { shareTestDatabase } from '../../support/database.ts'
import { createClock } from './harness/clock.ts'
import { histories } from './harness/commands.ts'
import { createWorld, openApi } from './harness/world.ts'
import { createModel } from './model.ts'

// `make prove` runs many; a run of all tests a few. HISTORIES=seed repeats a run.
const IS_WHOLE = process.env.PROVE === 'whole'
const RUNS = IS_WHOLE ? 600 : 12

// A proof that never saw these has proved little.
const MUST_BE_SEEN = [
  ...['accepts: 4', 'accepts: notice', 'accepts: held back', 'silent: 4', 'busy: 4', 'asks-to-wait: 4', 'refuses: 4'],
  ...['type a right code: 200', 'type a older code: code-expired', 'type a right code: code-incorrect, 2 left'],
  ...[
    'type a wrong code: code-incorrect, 0 left',
    'type a wrong code: code-exhausted',
    'type a wrong code: code-expired',
  ],
  ...['resend: 202', 'resend: too-many-requests', 'register: idempotency-key-reused', 'register: too-many-requests'],
  ...['sign in: 200', 'change the password: 204', 'delete the account: 204', 'retry: true', 'report: bounced'],
]

const database = shareTestDatabase()

test('whatever is done one after the other, the service answers as the contract says', {
  timeout: 900_000,
}, async () => {
  const app = await openApi(database)
  let script = ''
  const seen = new Map<string, number>()
  const seed = Number(process.env.HISTORIES ?? Date.now() % 1_000_000_000)
  const told = await fc.check(
    fc.asyncProperty(histories(60), async (commands) => {
      const world = await createWorld(database, app)
      const model = createModel(createClock())
      try {
        await fc.asyncModelRun(() => ({ model, real: { world, ids: new Map(), seen } }), commands)
      } catch (fault) {
        // The last that fails is the shortest.
        script = world.script.text()
        throw fault
      }
    }),
    { seed, numRuns: RUNS },
  )
  if (IS_WHOLE)
    process.stdout.write(
      `  ${[...seen]
        .sort()
        .map(([word, times]) => `${word}: ${times}`)
        .join('; ')}\n`,
    )
  if (told.failed) throw new Error(`HISTORIES=${seed}\n${script}\n`, { cause: told.errorInstance })
  expect(told.numRuns).toBe(RUNS)
  if (!IS_WHOLE) return
  process.stdout.write(`  ${told.numRuns} histories\n`)
  expect([...seen.keys()]).toEqual(expect.arrayContaining(MUST_BE_SEEN))
})
