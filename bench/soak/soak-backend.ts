import { randomBytes } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { startChild } from '../../dev/child.ts'
import { createKeyring } from '../../src/core/credentials/keyring.ts'
import { balance } from './books.ts'
import { startChaos } from './chaos.ts'
import { documented } from './documented.ts'
import { quickEnvironment } from './environment.ts'
import { startFleet } from './fleet.ts'
import { countUnsettled, readLedger } from './ledger.ts'
import { startPeople } from './people.ts'
import { startProvider } from './provider.ts'
import { createRandom } from './random.ts'
import { describeRun } from './report.ts'
import { startSteadyPostgres } from './steady-postgres.ts'
import { startSteadyRedis } from './steady-redis.ts'
import { readTakes } from './takes.ts'

const PER_SECOND = 4
const SETTLE_LIMIT_MS = 180_000
const RULES = { ttlMs: 60_000, timeoutMs: 1500 }

/** Lets people register for so long while everything breaks, then balances the books. Resolves with what does not balance. */
export const soakBackend = async (backend: 'postgresql' | 'redis', ms: number, seed: number): Promise<string[]> => {
  const stage = await setStage(backend)
  const { fleet, provider, pool, folder } = stage
  process.stdout.write(`  logs of the processes: ${folder}/processes.log\n`)
  const people = startPeople(
    [fleet.apis[0].url, ...fleet.apis.slice(1).map((api) => api.url)],
    PER_SECOND,
    createRandom(seed),
  )
  const chaos = startChaos(stage, { things: createRandom(seed + 1), moods: createRandom(seed + 2) })
  await sleep(ms)
  await chaos.stop()
  const mendedAt = Date.now()
  await people.stop()
  const settledMs = await waitUntilSettled(pool, mendedAt)
  await stage.stopFleet()
  const [ledger, takes] = [await readLedger(pool), readTakes(provider.requests)]
  const { registered } = people
  const wrongs = [
    ...balance(registered, ledger, takes, { ...RULES, keyring: stage.keyring }),
    ...[...people.surprises, ...fleet.surprises],
  ]
  process.stdout.write(describeRun({ registered, faults: chaos.faults, ledger, takes, settledMs, provider }))
  await stage.close(wrongs.length > 0)
  return wrongs
}

const waitUntilSettled = async (pool: pg.Pool, since: number): Promise<number> => {
  while (Date.now() - since < SETTLE_LIMIT_MS && (await countUnsettled(pool)) > 0) await sleep(200)
  return Date.now() - since
}

const ROLE = 'latchkey_dml'

/** The rights that docs/operations.md names, and no other. */
const grantLeast = async (pool: pg.Pool, backend: 'postgresql' | 'redis'): Promise<void> => {
  await pool.query(`create role ${ROLE} login password '${ROLE}'`)
  for (const grant of documented('-- PostgreSQL: grants')) {
    const here = grant.replace('database latchkey', 'database postgres')
    if (backend === 'postgresql' || !here.includes('schema bullmq'))
      await pool.query(backend === 'postgresql' ? here : here.replace(', bullmq', ''))
  }
}

/** The books' own statements meet those of the fleet, and are not for being tried again. */
const openBooks = (connectionString: string): pg.Pool => {
  const options = String.raw`-c default_transaction_isolation=read\ committed`
  const pool = new pg.Pool({ connectionString, max: 2, options })
  pool.on('error', () => {})
  return pool
}

const setStage = async (backend: 'postgresql' | 'redis') => {
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-soak-'))
  const postgres = await startSteadyPostgres(join(folder, 'postgres'), [
    '-c',
    'default_transaction_isolation=serializable',
  ])
  const redis = backend === 'redis' ? await startSteadyRedis() : null
  const provider = await startProvider()
  const secretKey = randomBytes(32).toString('hex')
  const environment = quickEnvironment({
    databaseUrl: postgres.urlOf('postgres'),
    redisUrl: redis?.url,
    mailUrl: provider.url,
    secretKey,
  })
  await startChild('db/migrate.ts', environment, process.stderr).ended
  const pool = openBooks(postgres.urlOf('postgres'))
  await grantLeast(pool, backend)
  const url = Object.assign(new URL(postgres.urlOf('postgres')), { username: ROLE, password: ROLE })
  const asOneWhoOwnsNothing = { ...environment, DATABASE_URL: url.href }
  const fleet = await startFleet(asOneWhoOwnsNothing, createWriteStream(join(folder, 'processes.log')))
  return {
    folder,
    postgres,
    redis,
    provider,
    fleet,
    pool,
    loseInPart: async () => {
      if (redis) await redis.loseInPart()
      else await pool.query("delete from bullmq.job where queue = 'mail' and random() < 0.5")
    },
    keyring: createKeyring([secretKey]),
    stopFleet: fleet.stop,
    close: async (keepLogs: boolean): Promise<void> => {
      await pool.end()
      await provider.close()
      await redis?.stop()
      await postgres.stop('SIGINT')
      await rm(keepLogs ? join(folder, 'postgres') : folder, { recursive: true, force: true })
    },
  }
}
