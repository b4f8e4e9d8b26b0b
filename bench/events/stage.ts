import { randomBytes } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { startChild } from '../../dev/child.ts'
import { quickEnvironment } from '../soak/environment.ts'
import { startFleet } from '../soak/fleet.ts'
import { startProvider } from '../soak/provider.ts'
import { startSteadyPostgres } from '../soak/steady-postgres.ts'
import { startSteadyRedis } from '../soak/steady-redis.ts'
import { startReceiver } from './receiver.ts'

export type Stage = Awaited<ReturnType<typeof setStage>>

/** Real processes on stores of their own, with events unless `isQuiet`. */
export const setStage = async (
  backend: 'postgresql' | 'redis',
  {
    size,
    random,
    isQuiet = false,
  }: { size: { apis: number; workers: number }; random: () => number; isQuiet?: boolean },
) => {
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-events-'))
  const secret = `whsec_${randomBytes(32).toString('base64')}`
  const [postgres, redis] = [
    await startSteadyPostgres(join(folder, 'postgres')),
    backend === 'redis' ? await startSteadyRedis() : null,
  ]
  const [provider, receiver] = [await startProvider(), await startReceiver(secret, random)]
  const environment = {
    ...quickEnvironment({
      databaseUrl: postgres.urlOf('postgres'),
      redisUrl: redis?.url,
      mailUrl: provider.url,
      secretKey: randomBytes(32).toString('hex'),
    }),
    ...(!isQuiet && { WEBHOOK_URL: receiver.url, WEBHOOK_SECRET: secret }),
  }
  await startChild('db/migrate.ts', environment, process.stderr).ended
  const pool = new pg.Pool({ connectionString: postgres.urlOf('postgres'), max: 2 })
  pool.on('error', () => {})
  const fleet = await startFleet(environment, createWriteStream(join(folder, 'processes.log')), size)
  return {
    ...{ redis, provider, receiver, pool, fleet },
    apiUrls: fleet.apis.map(({ url }) => url),
    close: async (keepLogs: boolean): Promise<void> => {
      await fleet.stop()
      await pool.end()
      await Promise.all([provider.close(), receiver.close(), redis?.stop()])
      await postgres.stop('SIGINT')
      if (keepLogs) process.stdout.write(`  logs: ${folder}/processes.log\n`)
      await rm(keepLogs ? join(folder, 'postgres') : folder, { recursive: true, force: true })
    },
  }
}
