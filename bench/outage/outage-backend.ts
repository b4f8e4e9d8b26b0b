import { randomBytes } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { startChild } from '../../dev/child.ts'
import { createKeyring } from '../../src/core/credentials/keyring.ts'
import { quickEnvironment } from '../soak/environment.ts'
import { startFleet } from '../soak/fleet.ts'
import { countUnsettled } from '../soak/ledger.ts'
import { startProvider } from '../soak/provider.ts'
import { startSteadyPostgres } from '../soak/steady-postgres.ts'
import { startSteadyRedis } from '../soak/steady-redis.ts'
import { insertBacklog } from './backlog.ts'
import { startNewcomers } from './newcomers.ts'
import { type Drain, describeDrain, describeOutage } from './report.ts'

const RATE_PER_SECOND = 200
const DRAIN_LIMIT_MS = 600_000

export type Plan = { mails: number; outageMs: number }

/** Lets mails wait behind a dead provider for a while, then drains them. Resolves with what is wrong with it. */
export const measureOutage = async (backend: 'postgresql' | 'redis', plan: Plan): Promise<string[]> => {
  const { provider, pool, fleet, keyring, close } = await setStage(backend)
  await provider.setMood('503')
  const brokenAt = Date.now()
  await insertBacklog(pool, plan.mails, keyring[0].id)
  const during = startNewcomers(fleet.apis[0].url, provider, 'during')
  await sleep(plan.outageMs)
  await provider.setMood('well')
  const mendedAt = Date.now()
  process.stdout.write(describeOutage(provider.requests, brokenAt, mendedAt))
  const patients = during.stop()
  const newcomers = startNewcomers(fleet.apis[0].url, provider, 'newcomer')
  while (Date.now() - mendedAt < DRAIN_LIMIT_MS && (await countUnsettled(pool)) > 5) await sleep(250)
  const drainedAt = Date.now()
  const drain: Drain = {
    requests: provider.requests.filter((request) => request.at >= mendedAt),
    mendedAt,
    drainedAt,
    newcomers: await newcomers.stop(),
    patients: await patients,
    ratePerSecond: RATE_PER_SECOND,
    mails: plan.mails,
  }
  const report = describeDrain(drain)
  process.stdout.write(report.text)
  await close()
  return [...report.wrongs, ...fleet.surprises]
}

const setStage = async (backend: 'postgresql' | 'redis') => {
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-outage-'))
  const postgres = await startSteadyPostgres(join(folder, 'postgres'))
  const redis = backend === 'redis' ? await startSteadyRedis() : null
  const provider = await startProvider()
  const secretKey = randomBytes(32).toString('hex')
  const databaseUrl = postgres.urlOf('postgres')
  const environment = {
    ...quickEnvironment({ databaseUrl, redisUrl: redis?.url, mailUrl: provider.url, secretKey }),
    LOG_LEVEL: 'warn',
    MAIL_RATE_PER_SECOND: String(RATE_PER_SECOND),
  }
  await startChild('db/migrate.ts', environment, process.stderr).ended
  const log = createWriteStream(join(folder, 'processes.log'))
  const fleet = await startFleet(environment, log, { apis: 1, workers: 2 })
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 2 })
  return {
    provider,
    pool,
    fleet,
    keyring: createKeyring([secretKey]),
    close: async (): Promise<void> => {
      await fleet.stop()
      await pool.end()
      await provider.close()
      await redis?.stop()
      await postgres.stop('SIGINT')
      await rm(folder, { recursive: true, force: true })
    },
  }
}
