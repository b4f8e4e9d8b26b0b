import { expect, onTestFinished, test } from 'vitest'
import { createPool } from '../../../src/core/postgres/pool.ts'
import { silent, useTestDatabase } from '../../support/database.ts'

const openPool = async (isPooled: boolean) => {
  const { url } = await useTestDatabase()
  const pool = createPool(url, { max: 1, name: 'test', logger: silent, isPooled })
  onTestFinished(() => pool.end())
  return pool
}

test('a statement with parameters is prepared once in a session, one without is not', async () => {
  const pool = await openPool(false)
  for (let round = 0; round < 3; round += 1) await pool.query('select $1::integer + 1', [round])
  await pool.query('select 1')
  await pool.query('select 2', [])
  const { rows } = await pool.query(
    'select statement, generic_plans + custom_plans as runs from pg_prepared_statements',
  )
  expect(rows).toMatchObject([{ statement: 'select $1::integer + 1' }])
  expect(Number(rows[0]?.runs)).toBe(3)
})

test('behind a pooler nothing is prepared', async () => {
  const pool = await openPool(true)
  await pool.query('select $1::integer + 1', [1])
  expect((await pool.query('select 1 from pg_prepared_statements')).rowCount).toBe(0)
})

test('texts without number fill no session', async () => {
  const pool = await openPool(false)
  for (let n = 0; n < 400; n += 1) await pool.query(`select $1::integer + ${n}`, [1])
  expect((await pool.query('select 1 from pg_prepared_statements')).rowCount).toBeLessThanOrEqual(300)
})
