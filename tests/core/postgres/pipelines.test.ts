import { Socket } from 'node:net'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import { isDatabaseUnavailable } from '../../../src/core/postgres/connection/unavailable.ts'
import { createPool } from '../../../src/core/postgres/pool.ts'
import { createTestDatabase, silent, type TestDatabase } from '../../support/database.ts'
import { PATIENT } from '../../support/patient.ts'
import { startProxy } from '../../support/proxy.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
  await database.pool.query('create table notes (note text primary key)')
})
afterAll(() => database.drop())
// Only a test says that time passes: on a busy machine any connection may look as if it stood still.
beforeEach(async () => {
  await database.pool.query('truncate notes')
  vi.useFakeTimers({ toFake: ['performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

const openPool = (url = database.url, isDisposable = false) => {
  const pool = createPool(url, { max: 5, name: 'pipelines', logger: silent, isDisposable })
  onTestFinished(() => pool.end())
  return pool
}

/** Asks for so many at once, and gives their answers. */
const many = <Answer>(count: number, ask: (index: number) => Promise<Answer>) =>
  Promise.allSettled(Array.from({ length: count }, (_, index) => ask(index)))

const reasonsOf = (answers: PromiseSettledResult<unknown>[]) =>
  answers.map((answer) => (answer.status === 'rejected' ? answer.reason : null))

/** Until so many connections of the pool are like that. */
const untilThere = (count: number, like: string) =>
  vi.waitFor(async () => {
    const those = `select from pg_stat_activity where application_name = 'pipelines' and datname = current_database() and ${like}`
    expect((await database.pool.query(those)).rowCount).toBe(count)
  }, PATIENT)

test.each([
  ['pipelined', true],
  ['read', false],
] as const)(
  'a hundred statements at once go over one connection, and each gets its own answer (%s)',
  async (way, waitsForDisk) => {
    const pool = openPool()
    const sent = vi.spyOn(pg.Client.prototype, 'query')
    onTestFinished(() => sent.mockRestore())
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, n) =>
        pool[way]<{ n: number; pid: number }>('select $1::integer as n, pg_backend_pid() as pid', [n]),
      ),
    )
    expect(answers.map(({ rows }) => rows[0]?.n)).toEqual(Array.from({ length: 100 }, (_, n) => n))
    expect(new Set(answers.map(({ rows }) => rows[0]?.pid)).size).toBe(1)
    await vi.waitFor(() => expect([pool.totalCount, pool.idleCount]).toEqual([1, 1]), PATIENT)
    const flushes = sent.mock.calls.filter((call) => JSON.stringify(call).includes('pg_logical_emit_message'))
    expect(flushes.length > 0).toBe(waitsForDisk)
  },
)

test('what is asked for in one tick leaves in one packet', async () => {
  const pool = openPool(database.url, true)
  await many(2, () => pool.pipelined('select 1'))
  const writes = [vi.spyOn(Socket.prototype, '_write'), vi.spyOn(Socket.prototype, '_writev')]
  await many(20, (n) => pool.pipelined('select $1::integer', [n]))
  const count = writes.reduce((sum, { mock }) => sum + mock.calls.length, 0)
  for (const write of writes) write.mockRestore()
  expect(count).toBe(1)
})

test('one that PostgreSQL refuses undoes none of the others', async () => {
  const pool = openPool()
  const insert = (index: number) =>
    pool.pipelined('insert into notes values ($1)', [index === 5 ? null : `note ${index}`])
  const failed = reasonsOf(await many(10, insert)).filter((reason) => reason !== null)
  expect(failed).toMatchObject([{ code: '23502' }])
  expect(pool.totalCount).toBe(1)
  expect((await pool.query('select from notes')).rowCount).toBe(9)
})

test('nobody joins behind a statement that waits for a lock', async () => {
  const pool = openPool()
  await pool.query(`insert into notes values ('locked')`)
  const holder = await database.pool.connect()
  onTestFinished(() => holder.release(true))
  await holder.query('begin')
  await holder.query(`select from notes where note = 'locked' for update`)
  const blocked = many(2, () => pool.pipelined(`update notes set note = note where note = 'locked'`))
  await untilThere(1, `wait_event_type = 'Lock'`)
  vi.advanceTimersByTime(20)
  const others = await many(20, (n) => pool.pipelined('select $1::integer', [n]))
  expect(reasonsOf(others).every((reason) => reason === null)).toBe(true)
  await holder.query('commit')
  expect(reasonsOf(await blocked)).toEqual([null, null])
})

test('a lost connection fails those that wait for it as unavailable, and is replaced', async () => {
  const pool = openPool()
  const answers = many(10, () => pool.pipelined('select pg_sleep(60)'))
  await untilThere(1, `wait_event = 'PgSleep'`)
  await database.pool.query(
    `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'pipelines'`,
  )
  const reasons = reasonsOf(await answers)
  expect(reasons.every(isDatabaseUnavailable)).toBe(true)
  expect((await pool.pipelined('select 1 as one')).rows).toEqual([{ one: 1 }])
})

test('a PostgreSQL that says nothing fails all that wait within seconds, and those that follow work when it is back', async () => {
  const proxy = await startProxy(database.url)
  onTestFinished(() => proxy.close())
  const pool = openPool(proxy.url)
  await many(2, () => pool.pipelined('select 1'))
  proxy.freeze()
  const reasons = reasonsOf(await many(10, () => pool.pipelined('select 1')))
  expect(reasons.every(isDatabaseUnavailable)).toBe(true)
  proxy.thaw()
  expect((await pool.pipelined('select 1 as one')).rows).toEqual([{ one: 1 }])
})

test('one that is never at rest goes back to the pool after a thousand statements', async () => {
  const pool = openPool()
  let released = 0
  pool.on('release', () => {
    released += 1
  })
  let left = 4000
  const again = async () => {
    for (; left > 0; left -= 1) await pool.pipelined('select 1')
  }
  await many(8, again)
  expect(released).toBeGreaterThanOrEqual(4)
})
