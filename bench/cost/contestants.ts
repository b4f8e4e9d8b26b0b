import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { PassThrough } from 'node:stream'
import pg from 'pg'
import { startChild } from '../../dev/child.ts'
import { createDatabase, startPostgres } from '../../dev/embedded-postgres.ts'
import { findFreePort } from '../../dev/free-port.ts'
import { createKeyring } from '../../src/core/credentials/keyring.ts'
import { insertFloorBacklog, makeFloorTables } from '../floor/tables.ts'
import { insertBacklog } from '../outage/backlog.ts'
import { waitUntilReady } from '../stack.ts'
import { cpuMsOf, pidOnPort } from './processes.ts'

// Budgets that are counted and never used up.
const WIDE = '100000000/1h,100000000/24h'

const ENVIRONMENT: NodeJS.ProcessEnv = {
  PATH: process.env.PATH,
  HOST: '127.0.0.1',
  LOG_LEVEL: 'info',
  MAIL_API_KEY: 'bench',
  MAIL_FROM: 'Latchkey <codes@latchkey.example>',
  LIMIT_REGISTRATIONS_PER_NET: WIDE,
  LIMIT_MAILS_PER_MAILBOX: WIDE,
  LIMIT_WRONG_CODES_PER_NET: WIDE,
  LIMIT_FAILED_LOGINS_PER_USER: WIDE,
  LIMIT_FAILED_LOGINS_PER_NET: WIDE,
}

export type Backend = 'postgresql' | 'redis'

/** One program under test with a PostgreSQL of its own. `cpu` gives the milliseconds that each part has used so far. */
export type Contestant = {
  name: string
  bcryptCost: number
  apiUrl: string
  apiPid: number
  workerPid: number
  databaseUrl: string
  /** Writes so many registrations whose mails wait; addresses begin with `name`. */
  insertBacklog(count: number, name: string): Promise<void>
  startWorker(): Promise<void>
  stopWorker(): Promise<void>
  cpu(): Record<'api' | 'worker' | 'postgresql' | 'redis', number>
  commits(): Promise<number>
  stop(): Promise<void>
}

export type Stage = {
  /** What it is called; the program unless it is given. */
  label?: string
  program: 'ours' | 'floor'
  backend: Backend
  bcryptCost: number
  mailUrl: string
  redis: { url: string; pid: number } | null
  /** Stands between the program and its PostgreSQL. */
  proxy?: (databaseUrl: string) => Promise<string>
  settings?: NodeJS.ProcessEnv
}

// What the programs log is written, and read by nobody.
const NOWHERE = new PassThrough().setMaxListeners(0).resume()

const PROGRAMS = {
  ours: { api: 'src/api/main.ts', worker: 'src/worker/main.ts' },
  floor: { api: 'bench/floor/api.ts', worker: 'bench/floor/worker.ts' },
}

export const startContestant = async (stage: Stage): Promise<Contestant> => {
  const store = await openStore(stage)
  const [port, opsPort, workerPort] = [await findFreePort(), await findFreePort(), await findFreePort()]
  const programs = PROGRAMS[stage.program]
  const api = start(programs.api, { ...store.environment, PORT: String(port), OPS_PORT: String(opsPort) })
  await api.ready(port)
  let worker: ReturnType<typeof start> | null = null
  const startWorker = async () => {
    worker = start(programs.worker, { ...store.environment, OPS_PORT: String(workerPort) })
    await worker.ready(workerPort)
  }
  const stopWorker = async () => {
    await worker?.stop()
    worker = null
  }
  await startWorker()
  return {
    name: `${stage.label ?? stage.program} on ${stage.backend}`,
    bcryptCost: stage.bcryptCost,
    apiUrl: `http://127.0.0.1:${port}`,
    apiPid: api.pid,
    get workerPid() {
      return worker?.pid ?? 0
    },
    databaseUrl: store.databaseUrl,
    insertBacklog: store.insertBacklog,
    startWorker,
    stopWorker,
    cpu: () => ({
      api: cpuMsOf(api.pid),
      worker: worker ? cpuMsOf(worker.pid) : 0,
      postgresql: cpuMsOf(store.pid),
      redis: stage.redis ? cpuMsOf(stage.redis.pid) : 0,
    }),
    commits: store.commits,
    stop: async () => {
      await stopWorker()
      await api.stop()
      await store.close()
    },
  }
}

/** A PostgreSQL of its own, with the tables of the program. */
const openStore = async (stage: Stage) => {
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-cost-'))
  const postgres = await startPostgres({ dataDir: join(folder, 'postgres'), keep: true })
  const databaseUrl = await createDatabase(postgres, 'latchkey')
  const secretKey = randomBytes(32).toString('hex')
  const environment: NodeJS.ProcessEnv = {
    ...ENVIRONMENT,
    DATABASE_URL: databaseUrl,
    SECRET_KEY: secretKey,
    BCRYPT_COST: String(stage.bcryptCost),
    MAIL_URL: stage.mailUrl,
    ...(stage.backend === 'redis' && stage.redis && { REDIS_URL: stage.redis.url, QUEUE_PREFIX: basename(folder) }),
    ...stage.settings,
  }
  await startChild('db/migrate.ts', { ...environment, REDIS_URL: undefined, QUEUE_PREFIX: undefined }, NOWHERE).ended
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 1 })
  if (stage.program === 'floor') await makeFloorTables(pool)
  if (stage.proxy) environment.DATABASE_URL = await stage.proxy(databaseUrl)
  return {
    databaseUrl,
    environment,
    insertBacklog: (count: number, name: string) =>
      stage.program === 'floor'
        ? insertFloorBacklog(pool, count, name)
        : insertBacklog(pool, count, createKeyring([secretKey])[0].id, name),
    pid: pidOnPort(Number(new URL(databaseUrl).port)),
    commits: async (): Promise<number> => {
      const found = await pool.query('select sum(xact_commit)::float8 as commits from pg_stat_database')
      return found.rows[0].commits
    },
    close: async () => {
      await pool.end()
      await postgres.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

const start = (program: string, environment: NodeJS.ProcessEnv) => {
  const child = startChild(program, environment, NOWHERE)
  const endedEarly = async (): Promise<never> => {
    await child.ended
    throw new Error(`${program} ended before it was ready`)
  }
  return {
    pid: child.process.pid ?? 0,
    ready: (port: number) => Promise.race([waitUntilReady(port), endedEarly()]),
    stop: child.stop,
  }
}
