import { expect, onTestFinished, test, vi } from 'vitest'
import {
  hasSchema,
  makeJobSequences,
  untilLocked,
  withChangingClient,
} from '../../../src/core/postgres/connection/changing-tables.ts'
import { shareTestDatabase } from '../../support/database.ts'
import { keepLog } from '../../support/kept-log.ts'

const database = shareTestDatabase()
const inUse = () => Object.assign(new Error('canceling statement due to lock timeout'), { code: '55P03' })

test('a change whose table is in use is tried again until it is made, which is told once', async () => {
  const { logger, messages } = keepLog()
  const faults = [inUse(), new Error('a migration failed', { cause: inUse() })]
  const toldBefore: number[] = []
  const change = async () => {
    toldBefore.push(messages().length)
    const fault = faults.shift()
    if (fault) throw fault
    return 'made'
  }
  expect(await untilLocked(logger, change)).toBe('made')
  expect(toldBefore).toEqual([0, 1, 1])
  expect(messages()).toEqual(['a table is in use: its change is tried again every second or two'])
})

test.each([
  new Error('a fault'),
  Object.assign(new Error('of another kind'), { code: '42P01' }),
  new Error('outside', { cause: new Error('inside') }),
  { code: '55P03' },
])('any other fault ends it at once, untold: %s', async (fault) => {
  const { logger, messages } = keepLog()
  const change = vi.fn<() => Promise<never>>().mockRejectedValue(fault)
  await expect(untilLocked(logger, change)).rejects.toBe(fault)
  expect(change).toHaveBeenCalledTimes(1)
  expect(messages()).toEqual([])
})

test('after ten minutes it is given up', async () => {
  vi.useFakeTimers({ toFake: ['performance'] })
  onTestFinished(() => void vi.useRealTimers())
  const { logger, messages } = keepLog()
  const fault = inUse()
  const change = () => {
    vi.advanceTimersByTime(600_001)
    return Promise.reject(fault)
  }
  await expect(untilLocked(logger, change)).rejects.toBe(fault)
  expect(messages()).toEqual([])
})

test('the session has a name, knows which schemas there are, and makes a sequence for each queue', async () => {
  await database.pool.query('create schema queues')
  await database.pool.query('create table queues.made (queue text)')
  await database.pool.query(
    "create function queues.next_job_id(text) returns void language sql as 'insert into queues.made values ($1)'",
  )
  await withChangingClient(database.url, 'queues', async (client) => {
    const found = await client.query("select current_setting('application_name') as name")
    expect(found.rows).toEqual([{ name: 'latchkey-migrate' }])
    expect([await hasSchema(client, 'queues'), await hasSchema(client, 'nowhere')]).toEqual([true, false])
    await makeJobSequences(client, ['mail', 'webhook'])
  })
  expect((await database.pool.query('select queue from queues.made')).rows).toEqual([
    { queue: 'mail' },
    { queue: 'webhook' },
  ])
})

test('a session that is lost fails its work alone', async () => {
  const lost = withChangingClient(database.url, 'public', async (client) => {
    const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
    const ended = new Promise<void>((resolve) => client.once('end', resolve))
    await database.pool.query('select pg_terminate_backend($1)', [rows[0]?.pid])
    await ended
    await client.query('select 1')
  })
  await expect(lost).rejects.toThrow()
})
