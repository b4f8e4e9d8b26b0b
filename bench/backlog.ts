import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { createDatabase, startPostgres } from '../dev/embedded-postgres.ts'
import { createKeyring } from '../src/core/credentials/keyring.ts'
import { migrate } from '../src/core/postgres/migrate.ts'
import { measureBacklog, measureRelayLag } from '../src/core/postgres/outbox/backlog.ts'
import { giveUpOverdueRows, takeDueRows } from '../src/core/postgres/outbox/outbox-rows.ts'
import { createPool } from '../src/core/postgres/pool.ts'
import { createLogger } from '../src/core/process/logger.ts'
import { insertBacklog } from './outage/backlog.ts'
import { percentile } from './percentile.ts'

/** `node bench/backlog.ts [mails=1000000]`: what the statements of relay and metrics take while so many mails wait, in milliseconds. */
const MAILS = Number(process.argv[2] ?? 1_000_000)
const BATCH = 100_000
const REPEATS = 20
const OFFERS = 100

const folder = await mkdtemp(join(tmpdir(), 'latchkey-backlog-'))
const postgres = await startPostgres({ dataDir: join(folder, 'postgres'), keep: true })
const databaseUrl = await createDatabase(postgres, 'latchkey')
const logger = createLogger('warn', 'bench')
await migrate(databaseUrl, logger)
// Fills and cleans up without the time limits of the service.
const admin = new pg.Pool({ connectionString: databaseUrl, max: 1 })
const pool = createPool(databaseUrl, { max: 2, name: 'bench', logger })

const time = async (name: string, statement: () => Promise<unknown>): Promise<void> => {
  const times: number[] = []
  for (let index = 0; index < REPEATS; index += 1) {
    const begun = performance.now()
    await statement()
    times.push(performance.now() - begun)
  }
  process.stdout.write(
    `${name.padEnd(44)} median ${percentile(times, 0.5).toFixed(1)} ms, worst ${percentile(times, 1).toFixed(1)} ms\n`,
  )
}

const measureAll = async (title: string): Promise<void> => {
  process.stdout.write(`${title}\n`)
  await time(`  take ${OFFERS} mails to offer`, () => takeDueRows(pool, 'mails', { fresh: OFFERS, again: OFFERS }))
  await time('  give up what is overdue (nothing is)', () =>
    giveUpOverdueRows(pool, 'mails', { afterSeconds: 3600, limit: 1000, raisesEvents: false }),
  )
  await time('  count the backlog', () => measureBacklog(pool, 'mails'))
  await time('  age of what was never offered', () => measureRelayLag(pool, 'mails'))
}

const [key] = createKeyring([randomBytes(32).toString('hex')])
await measureAll('no mail waits')
for (let count = 0; count < MAILS; count += BATCH) await insertBacklog(admin, Math.min(BATCH, MAILS - count), key.id)
await admin.query('vacuum analyze')
await measureAll(`${MAILS} mails wait, none was ever offered`)
await admin.query("update mails set offered_at = now(), offers = 1, next_offer_at = now() + interval '5 seconds'")
await admin.query('vacuum analyze')
await measureAll(`${MAILS} mails wait, all were offered once`)

await Promise.all([pool.end(), admin.end()])
await postgres.stop()
await rm(folder, { recursive: true, force: true })
