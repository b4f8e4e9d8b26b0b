import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { channelSql, lockSql } from '../../src/core/postgres/connection/installation.ts'
import { withSession } from '../../src/core/postgres/connection/session.ts'
import { listen } from '../../src/core/postgres/listen.ts'
import { createPool } from '../../src/core/postgres/pool.ts'
import { transaction } from '../../src/core/postgres/transaction.ts'
import { hasPgBouncer, startPgBouncer } from '../stores/pgbouncer.ts'
import { createTestDatabase, silent, type TestDatabase } from '../support/database.ts'

const WANTED = {
  DateStyle: 'ISO, MDY',
  TimeZone: 'UTC',
  IntervalStyle: 'postgres',
  bytea_output: 'hex',
  search_path: 'public',
  transaction_isolation: 'read committed',
  statement_timeout: '5s',
  idle_in_transaction_session_timeout: '15s',
  lock_timeout: '0',
}

const ASK = `select ${Object.keys(WANTED)
  .map((name) => `current_setting('${name}') as "${name}"`)
  .join(', ')}`

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
  const name = new URL(database.url).pathname.slice(1)
  const defaults = {
    DateStyle: "'German, DMY'",
    TimeZone: "'Asia/Kathmandu'",
    IntervalStyle: 'sql_standard',
    bytea_output: "'escape'",
    search_path: 'elsewhere',
    default_transaction_isolation: 'serializable',
    statement_timeout: '200',
    lock_timeout: '1',
    // Not shorter: a refused statement undoes what its transaction has set, and a pooler on a busy machine brings the end of it late.
    idle_in_transaction_session_timeout: '500',
  }
  for (const [setting, value] of Object.entries(defaults))
    await database.pool.query(`alter database ${name} set ${setting} to ${value}`)
})
afterAll(() => database.drop())

const ways = [{ way: 'directly' }, ...(hasPgBouncer ? [{ way: 'through a pooler' }] : [])]

describe.each(ways)('whatever the database has as its defaults, $way', ({ way }) => {
  const open = async (query = '') => {
    const bouncer = way === 'directly' ? null : await startPgBouncer(database.url, 2)
    const pool = createPool(`${bouncer?.url ?? database.url}${query}`, {
      max: 3,
      name: 'test',
      logger: silent,
      schema: 'public',
      isPooled: bouncer !== null,
    })
    onTestFinished(async () => {
      await pool.end()
      await bouncer?.stop()
    })
    return pool
  }

  test('a statement and a transaction find what they take for granted', async () => {
    const pool = await open()
    expect((await pool.query(ASK)).rows).toEqual([WANTED])
    expect(await transaction(pool, async (tx) => (await tx.query(ASK)).rows)).toEqual([WANTED])
    const at = new Date('2026-03-04T05:06:07.089Z')
    expect((await pool.query('select $1::timestamptz as at', [at])).rows).toEqual([{ at }])
  })

  test('a statement that is refused leaves nothing behind, and says why', async () => {
    const pool = await open()
    await expect(pool.query('select 1 / $1::integer', [0])).rejects.toMatchObject({ code: '22012' })
    await expect(pool.query('selec 1')).rejects.toMatchObject({ code: '42601' })
    expect((await pool.query('select 1 as one')).rows).toEqual([{ one: 1 }])
    expect(pool.idleCount).toBe(pool.totalCount)
  })

  test('a statement ends when its time is over', async () => {
    const pool = await open()
    await expect(pool.query('select pg_sleep(60)')).rejects.toMatchObject({ code: '57014' })
  })
})

test('options of the URL are kept, and ours count after them', async () => {
  const options = encodeURIComponent('-c work_mem=7MB -c TimeZone=Asia/Tokyo -c search_path=elsewhere')
  const pool = createPool(`${database.url}?options=${options}`, {
    max: 1,
    name: 'test',
    logger: silent,
    schema: 'public',
  })
  onTestFinished(() => pool.end())
  const asked = await pool.query(
    "select current_setting('work_mem') as mem, current_setting('TimeZone') as zone, current_schema() as schema",
  )
  expect(asked.rows).toEqual([{ mem: '7MB', zone: 'UTC', schema: 'public' }])
})

test('a notification and a lock of one schema do not reach another', async () => {
  await database.pool.query('create schema elsewhere')
  const heard = { public: 0, elsewhere: 0 }
  const stopping = new AbortController()
  const listening = (['public', 'elsewhere'] as const).map((schema) =>
    listen(
      withSession(database.url, schema),
      'a_channel',
      () => {
        heard[schema] += 1
      },
      stopping.signal,
    ),
  )
  onTestFinished(async () => {
    stopping.abort()
    await Promise.all(listening)
  })
  await expect.poll(() => heard).toEqual({ public: 1, elsewhere: 1 })
  const inSchema = (schema: string) => createPool(database.url, { max: 2, name: 'test', logger: silent, schema })
  const [here, there] = [inSchema('public'), inSchema('elsewhere')]
  onTestFinished(async () => void (await Promise.all([here.end(), there.end()])))
  await there.query(`select pg_notify(${channelSql('$1')}, '')`, ['a_channel'])
  await expect.poll(() => heard).toEqual({ public: 1, elsewhere: 2 })
  const tryLock = `select pg_try_advisory_xact_lock(${lockSql('$1')}) as got`
  await transaction(here, async (tx) => {
    expect((await tx.query(tryLock, ['5'])).rows).toEqual([{ got: true }])
    expect((await here.query(tryLock, ['5'])).rows).toEqual([{ got: false }])
    expect((await there.query(tryLock, ['5'])).rows).toEqual([{ got: true }])
  })
})
