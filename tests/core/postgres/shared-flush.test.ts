import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { createDatabase, startPostgres } from '../../../dev/embedded-postgres.ts'
import { rowOf } from '../../../src/core/postgres/connection/row-of.ts'
import { createPool, type Pool } from '../../../src/core/postgres/pool.ts'
import { silent, useTestDatabase } from '../../support/database.ts'
import { makeFastFolder } from '../../support/fast-folder.ts'
import { PATIENT } from '../../support/patient.ts'

const openPool = (url: string): Pool => {
  const pool = createPool(url, { max: 3, name: 'flushing', logger: silent })
  onTestFinished(() => pool.end())
  return pool
}

const SETTING = "select current_setting('synchronous_commit') as is"

const many = <Answer>(ask: () => Promise<Answer>) => Promise.all(Array.from({ length: 20 }, ask))

test.each(['on', 'local', 'off'])(
  'commits of many wait no more than once, and afterwards as they did: %s',
  async (is) => {
    const database = await useTestDatabase()
    const url = new URL(database.url)
    url.searchParams.set('options', `-c synchronous_commit=${is}`)
    const pool = openPool(url.href)
    const among = await many(() => pool.pipelined<{ is: string }>(SETTING))
    expect(among.map(({ rows }) => rowOf(rows).is)).toContain('off')
    await vi.waitFor(() => expect(pool.idleCount).toBe(pool.totalCount), PATIENT)
    expect((await many(() => pool.query(SETTING))).flatMap(({ rows }) => rows)).toEqual(
      Array.from({ length: 20 }, () => ({ is })),
    )
  },
)

test('a role that may do nothing but its work can wait for the disk with others', async () => {
  const database = await useTestDatabase()
  const role = `worker_${randomUUID().replaceAll('-', '')}`
  await database.pool.query(`create role ${role} login password 'none'`)
  onTestFinished(async () => void (await database.pool.query(`drop role ${role}`)))
  const url = Object.assign(new URL(database.url), { username: role, password: 'none' })
  const answers = await many(() => openedAs(url).pipelined<{ is: string }>('select current_user as is'))
  expect(answers.map(({ rows }) => rowOf(rows).is)).toEqual(Array.from({ length: 20 }, () => role))
})

/** One pool for each URL. */
const pools = new WeakMap<URL, Pool>()
const openedAs = (url: URL): Pool => {
  const pool = pools.get(url) ?? openPool(url.href)
  pools.set(url, pool)
  return pool
}

test('what was answered is there after a crash of the server', async () => {
  const folder = await makeFastFolder('latchkey-crash-')
  // Its writer of the log comes seldom: what nobody waited for is lost.
  const flags = ['-c', 'wal_writer_delay=10s']
  const postgres = await startPostgres({ dataDir: join(folder, 'postgres'), keep: true, flags })
  onTestFinished(async () => {
    await postgres.stop()
    await rm(folder, { recursive: true, force: true })
  })
  const pool = openPool(await createDatabase(postgres, 'crash'))
  await pool.query('create table notes (id uuid primary key)')
  const answered: string[] = []
  let isOver = false
  const write = async () => {
    while (!isOver) {
      const id = randomUUID()
      await pool.pipelined('insert into notes values ($1)', [id])
      answered.push(id)
    }
  }
  const writing = Promise.allSettled(Array.from({ length: 20 }, write))
  const [bystander] = (await pool.query<{ pid: number }>('select pg_backend_pid() as pid')).rows
  await vi.waitFor(() => expect(answered.length).toBeGreaterThan(500), PATIENT)
  // The server ends all other sessions, too, and recovers from what is on the disk.
  process.kill(bystander?.pid ?? 0, 'SIGKILL')
  await writing
  isOver = true
  const kept = await vi.waitFor(() => pool.query<{ id: string }>('select id from notes'), PATIENT)
  // Who has just been started to write them may miss that the server stops.
  await vi.waitFor(() => pool.query('checkpoint'), PATIENT)
  const ids = new Set(kept.rows.map(({ id }) => id))
  expect(answered.filter((id) => !ids.has(id))).toEqual([])
})
