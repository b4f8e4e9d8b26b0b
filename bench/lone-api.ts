import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import pg from 'pg'
import { startChild } from '../dev/child.ts'
import { createDatabase, findFreePort, startPostgres } from '../dev/embedded-postgres.ts'
import { createKeyring, type Keyring } from '../src/core/registration/keyring.ts'
import { waitUntilReady } from './stack.ts'

export type LoneApi = { url: string; opsUrl: string; pool: pg.Pool; keyring: Keyring; stop(): Promise<void> }

/** PostgreSQL and the api as real processes, with limits off and no worker: what is measured is the api's own. */
export const startLoneApi = async (bcryptCost: number): Promise<LoneApi> => {
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-bench-'))
  const postgres = await startPostgres({ dataDir: join(folder, 'postgres'), keep: true })
  const [port, opsPort] = [await findFreePort(), await findFreePort()]
  const databaseUrl = await createDatabase(postgres, 'latchkey')
  const secretKey = randomBytes(32).toString('hex')
  const environment: NodeJS.ProcessEnv = {
    PATH: process.env.PATH,
    HOST: '127.0.0.1',
    PORT: String(port),
    OPS_PORT: String(opsPort),
    DATABASE_URL: databaseUrl,
    SECRET_KEY: secretKey,
    BCRYPT_COST: String(bcryptCost),
    RESEND_COOLDOWN_SECONDS: '0',
    LIMIT_REGISTRATIONS_PER_NET: 'off',
    LIMIT_WRONG_CODES_PER_NET: 'off',
    LIMIT_MAILS_PER_MAILBOX: 'off',
    LIMIT_FAILED_LOGINS_PER_USER: 'off',
    LIMIT_FAILED_LOGINS_PER_NET: 'off',
    LOG_LEVEL: 'warn',
  }
  const output = new PassThrough()
  output.pipe(process.stderr, { end: false })
  await startChild('db/migrate.ts', environment, output).ended
  const api = startChild('src/api/main.ts', environment, output)
  await waitUntilReady(opsPort)
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 2 })
  return {
    url: `http://127.0.0.1:${port}`,
    opsUrl: `http://127.0.0.1:${opsPort}`,
    pool,
    keyring: createKeyring([secretKey]),
    stop: async () => {
      await pool.end()
      await api.stop()
      await postgres.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
