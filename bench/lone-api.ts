import { randomBytes } from 'node:crypto'
import { PassThrough } from 'node:stream'
import pg from 'pg'
import { createKeyring, type Keyring } from '../src/core/credentials/keyring.ts'
import { startApi } from './stack.ts'

export type LoneApi = { url: string; opsUrl: string; pool: pg.Pool; keyring: Keyring; stop(): Promise<void> }

/** PostgreSQL and the api without a worker: what is measured is the api's own. */
export const startLoneApi = async (bcryptCost: number): Promise<LoneApi> => {
  const secretKey = randomBytes(32).toString('hex')
  const settings = { SECRET_KEY: secretKey, BCRYPT_COST: String(bcryptCost), RESEND_COOLDOWN_SECONDS: '0' }
  const { url, opsUrl, databaseUrl, stop } = await startApi(settings, new PassThrough())
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 2 })
  return {
    url,
    opsUrl,
    pool,
    keyring: createKeyring([secretKey]),
    stop: async () => {
      await pool.end()
      await stop()
    },
  }
}
