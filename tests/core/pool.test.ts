import { Socket } from 'node:net'
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import { isDatabaseUnavailable } from '../../src/core/postgres/connection/unavailable.ts'
import { createPool } from '../../src/core/postgres/pool.ts'
import { transaction, transactionAtOnce, unlessRefused } from '../../src/core/postgres/transaction.ts'
import { createTestDatabase, silent, type TestDatabase } from '../support/database.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
  await database.pool.query('create table notes (note text primary key)')
})
afterAll(() => database.drop())

const notes = async (like: string) => {
  const found = await database.pool.query<{ note: string }>('select note from notes where note like $1', [`${like}%`])
  return found.rows.map(({ note }) => note)
}

test('what a transaction returns is committed, and what it throws is passed on with nothing kept', async () => {
  const write = (note: string) =>
    transaction(database.pool, async (tx) => {
      await tx.query('insert into notes values ($1)', [note])
      if (note === 'tx bad') throw new Error('changed my mind')
      return note
    })
  expect(await write('tx good')).toBe('tx good')
  await expect(write('tx bad')).rejects.toThrow('changed my mind')
  expect(await notes('tx')).toEqual(['tx good'])
})

test('a refusal that is expected undoes only its own statements, and any other is thrown', async () => {
  await transaction(database.pool, async (tx) => {
    await tx.query(`insert into notes values ('sp one')`)
    const again = () => tx.query(`insert into notes values ('sp two'), ('sp one')`)
    expect(await unlessRefused(tx, '23505', again)).toBeNull()
    await tx.query(`insert into notes values ('sp three')`)
  })
  expect((await notes('sp')).toSorted()).toEqual(['sp one', 'sp three'])
  const broken = transaction(database.pool, (tx) => unlessRefused(tx, '23505', () => tx.query('select 1 / 0')))
  await expect(broken).rejects.toMatchObject({ code: '22012' })
})

test.each([
  { packets: 2, kind: 'the commit of a transaction follows when that was answered', run: transaction },
  { packets: 1, kind: 'with its commit, when it is a transaction at once', run: transactionAtOnce },
])('what is asked without a wait leaves in one packet, its begin included; $kind', async ({ packets, run }) => {
  const pool = createPool(database.url, { max: 1, name: 'packets', logger: silent })
  await pool.query('select 1')
  const writes = [vi.spyOn(Socket.prototype, '_write'), vi.spyOn(Socket.prototype, '_writev')]
  await run(pool, (tx) => Promise.all([1, 2, 3].map((n) => tx.query('select $1::integer as n', [n]))))
  const count = writes.reduce((sum, { mock }) => sum + mock.calls.length, 0)
  for (const write of writes) write.mockRestore()
  expect(count).toBe(packets)
  await pool.end()
})

test('so does what is asked later in a transaction, and an announcement with its commit', async () => {
  const pool = createPool(database.url, { max: 1, name: 'packets', logger: silent })
  onTestFinished(() => pool.end())
  await pool.query('select 1')
  const writes = [vi.spyOn(Socket.prototype, '_write'), vi.spyOn(Socket.prototype, '_writev')]
  onTestFinished(() => writes.forEach((write) => void write.mockRestore()))
  await transaction(pool, async (tx) => {
    const two = () => Promise.all([1, 2].map((n) => tx.query('select $1::integer as n', [n])))
    await two()
    await two()
    tx.announce('mails')
  })
  expect(writes.reduce((sum, { mock }) => sum + mock.calls.length, 0)).toBe(3)
})

test('of a transaction at once nothing is kept when PostgreSQL refuses a statement, and its connection goes on', async () => {
  const pool = createPool(database.url, { max: 1, name: 'at once', logger: silent })
  const write = (...those: string[]) =>
    transactionAtOnce(pool, async (tx) => {
      const written = await Promise.all(those.map((note) => tx.query('insert into notes values ($1)', [note])))
      return written.length
    })
  expect(await write('once 1', 'once 2')).toBe(2)
  await expect(write('once 3', 'once 1', 'once 4')).rejects.toMatchObject({ code: '23505' })
  expect(await write('once 5')).toBe(1)
  expect(await notes('once')).toEqual(['once 1', 'once 2', 'once 5'])
  await pool.end()
})

test('a statement that comes after the commit of a transaction at once is not sent', async () => {
  const late = transactionAtOnce(database.pool, async (tx) => {
    await tx.query(`insert into notes values ('late 1')`)
    await tx.query(`insert into notes values ('late 2')`)
  })
  await expect(late).rejects.toThrow('a statement after the commit')
  expect(await notes('late')).toEqual(['late 1'])
})

test.each([
  { kind: 'a transaction', run: transaction },
  { kind: 'a transaction at once', run: transactionAtOnce },
])('$kind whose commit is refused has failed', async ({ run }) => {
  await database.pool.query('create table if not exists answers (note text references notes initially deferred)')
  const write = run(database.pool, (tx) => tx.query(`insert into answers values ('to nothing')`))
  await expect(write).rejects.toMatchObject({ code: '23503' })
  expect((await database.pool.query('select from answers')).rowCount).toBe(0)
})

test('connections that the server ends, in hand and idle, are replaced', async () => {
  const pool = createPool(database.url, { max: 2, name: 'to-be-ended', logger: silent })
  const end = () =>
    database.pool.query(`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'to-be-ended'`)
  const cut = transaction(pool, async (tx) => {
    await tx.query('select 1')
    await end()
    await tx.query('select 1')
  })
  const error: unknown = await cut.catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(Error)
  expect(isDatabaseUnavailable(error)).toBe(true)
  expect((await pool.query('select 1 as one')).rows).toEqual([{ one: 1 }])
  await pool.end()
})

test('a PostgreSQL that is not there is unavailable, a statement that it refuses is not', async () => {
  const nowhere = createPool('postgres://nobody@127.0.0.1:1/nothing', { max: 1, name: 'nowhere', logger: silent })
  const error: unknown = await nowhere.query('select 1').catch((reason: unknown) => reason)
  expect(isDatabaseUnavailable(error)).toBe(true)
  await nowhere.end()
  const wrong: unknown = await database.pool.query('selec 1').catch((reason: unknown) => reason)
  expect(wrong).toBeInstanceOf(Error)
  expect(isDatabaseUnavailable(wrong)).toBe(false)
  expect(isDatabaseUnavailable('not an error')).toBe(false)
})

test('what another transaction was in the way of is tried again, and is unavailable when it always is', async () => {
  const conflict = (code: string) => `do $$ begin raise exception 'in the way' using errcode = '${code}'; end $$`
  for (const code of ['40001', '40P01']) {
    let tries = 0
    const done = await transaction(database.pool, async (tx) => {
      tries += 1
      await tx.query('insert into notes values ($1)', [`retried ${code} ${tries}`])
      if (tries < 3) await tx.query(conflict(code))
      return tries
    })
    expect(done).toBe(3)
    expect(await notes(`retried ${code}`)).toEqual([`retried ${code} 3`])
    const always: unknown = await database.pool.query(conflict(code)).catch((reason: unknown) => reason)
    expect(isDatabaseUnavailable(always)).toBe(true)
  }
})

test('two transactions that wait for each other both end well', async () => {
  await database.pool.query("insert into notes values ('dead one'), ('dead two')")
  const meet = Promise.withResolvers<void>()
  let here = 0
  const lockBoth = (first: string, second: string) =>
    transaction(database.pool, async (tx) => {
      await tx.query('select from notes where note = $1 for update', [first])
      here += 1
      if (here === 2) meet.resolve()
      await meet.promise
      await tx.query('select from notes where note = $1 for update', [second])
      return first
    })
  expect(await Promise.all([lockBoth('dead one', 'dead two'), lockBoth('dead two', 'dead one')])).toEqual([
    'dead one',
    'dead two',
  ])
})
