import { Socket } from 'node:net'
import { expect, onTestFinished, test, vi } from 'vitest'
import { createPool, isReadOnly, ping } from '../../../src/core/postgres/pool.ts'
import { transaction, transactionAtOnce } from '../../../src/core/postgres/transaction.ts'
import { shareTestDatabase, silent } from '../../support/database.ts'
import { keepLog } from '../../support/kept-log.ts'

const NOWHERE = 'postgres://nobody@127.0.0.1:1/nothing'

const database = shareTestDatabase()
const openPool = (options: Partial<Parameters<typeof createPool>[1]> = {}, url = database.url) => {
  const pool = createPool(url, { max: 1, name: 'options', logger: silent, ...options })
  onTestFinished(() => pool.end())
  return pool
}
const settingOf = async (pool: ReturnType<typeof openPool>, name: string) =>
  (await pool.query<{ value: string }>('select current_setting($1) as value', [name])).rows[0]?.value

test('a server that is gone without a word is looked for after ten seconds', async () => {
  const keepAlive = vi.spyOn(Socket.prototype, 'setKeepAlive')
  onTestFinished(() => keepAlive.mockRestore())
  await ping(openPool())
  expect(keepAlive.mock.calls).toEqual([[true, 10_000]])
})

test('commits wait for the disk unless what is written may be lost', async () => {
  const url = `${database.url}?options=-c+synchronous_commit=on`
  expect(await settingOf(openPool({}, url), 'synchronous_commit')).toBe('on')
  expect(await settingOf(openPool({ isDisposable: true }, url), 'synchronous_commit')).toBe('off')
})

test('it is told whether writes are taken', async () => {
  expect(await isReadOnly(openPool())).toBe(false)
  expect(await isReadOnly(openPool({}, `${database.url}?options=-c+default_transaction_read_only=on`))).toBe(true)
})

test('behind a pooler a statement leaves in one packet with its transaction', async () => {
  const pool = openPool({ isPooled: true })
  await ping(pool)
  const writes = [vi.spyOn(Socket.prototype, '_write'), vi.spyOn(Socket.prototype, '_writev')]
  onTestFinished(() => writes.forEach((write) => void write.mockRestore()))
  await ping(pool)
  expect(writes.reduce((sum, { mock }) => sum + mock.calls.length, 0)).toBe(1)
})

test('an outage is told in words, and when it is over', async () => {
  const { logger, lines } = keepLog()
  vi.useFakeTimers({ toFake: ['performance'] })
  onTestFinished(() => void vi.useRealTimers())
  const nowhere = openPool({ logger }, NOWHERE)
  await expect(ping(nowhere)).rejects.toThrow()
  vi.advanceTimersByTime(5000)
  await ping(openPool({ outages: nowhere.outages }))
  expect(lines().map(({ level, msg }) => [level, msg])).toEqual([
    ['warn', 'PostgreSQL is unavailable: requests are refused and nothing of them is stored, mails wait'],
    ['info', 'PostgreSQL works again'],
  ])
})

test('an idle connection that is lost is told to who looks for it, with the name of its pool', async () => {
  const { logger, lines } = keepLog('debug')
  const pool = openPool({ logger, name: 'idle one' })
  await ping(pool)
  await database.pool.query(
    `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'idle one'`,
  )
  await expect.poll(() => lines().length).toBe(1)
  expect(lines()).toMatchObject([{ level: 'debug', pool: 'idle one', msg: 'an idle connection was lost' }])
})

test.each([
  { kind: 'a transaction', run: transaction },
  { kind: 'a transaction at once', run: transactionAtOnce },
])(
  '$kind that another was in the way of keeps its connection, and one whose time is over does not',
  async ({ run }) => {
    const pool = openPool()
    const pids: (number | undefined)[] = []
    const fail = (code: string) =>
      run(pool, (tx) => {
        const pid = tx.query<{ pid: number }>('select pg_backend_pid() as pid')
        return Promise.all([
          pid.then(({ rows }) => pids.push(rows[0]?.pid)),
          tx.query(`do $$ begin raise exception 'no' using errcode = '${code}'; end $$`),
        ])
      })
    await expect(fail('40001')).rejects.toMatchObject({ code: '40001' })
    expect(pids).toHaveLength(4)
    expect(new Set(pids).size).toBe(1)
    await expect(fail('57014')).rejects.toMatchObject({ code: '57014' })
    await expect(fail('22012')).rejects.toMatchObject({ code: '22012' })
    await expect(fail('22012')).rejects.toMatchObject({ code: '22012' })
    expect(pids[4]).toBe(pids[0])
    expect(pids[5]).not.toBe(pids[4])
    expect(pids[6]).toBe(pids[5])
  },
)
