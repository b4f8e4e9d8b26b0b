import pg from 'pg'
import { expect, test } from 'vitest'
import { createPool } from '../../../src/core/postgres/pool.ts'
import { silent } from '../../support/database.ts'

const open = (isPooled?: boolean) =>
  createPool('postgres://nobody@127.0.0.1:1/nothing', {
    ...{ max: 1, name: 'fake', logger: silent },
    ...(isPooled !== undefined && { isPooled }),
  })

/** Behind a pooler, on a connection whose statements end as `answers` says; `released` tells what it was given back with. */
const pooled = (answers: Record<string, unknown>) => {
  const released: unknown[] = []
  const client = Object.assign(new pg.Client(), {
    query: async (statement: string) => {
      const [, answer = statement] = Object.entries(answers).find(([start]) => statement.startsWith(start)) ?? []
      if (answer instanceof Error) throw answer
      return answer
    },
    release: (error?: unknown) => void released.push(error),
  })
  return { pool: Object.assign(open(true), { connect: async () => client }), released }
}

const refused = new Error('refused')
const lost = Object.assign(new Error('lost'), { code: 'ECONNRESET' })

test('it is known whether a pool is behind a pooler', () => {
  expect([open(), open(false), open(true)].map(({ isPooled }) => isPooled)).toEqual([false, false, true])
})

test('a statement behind a pooler gives its own answer', async () => {
  const { pool, released } = pooled({})
  expect(await pool.query('select 1')).toBe('select 1')
  expect(released).toEqual([undefined])
})

test.each([
  { of: 'its begin', answers: { begin: refused, 'select 1': lost, commit: lost } },
  { of: 'itself', answers: { 'select 1': refused, commit: lost } },
  { of: 'its commit', answers: { commit: refused } },
])('it fails with the first refusal, that of $of, and its connection goes on', async ({ answers }) => {
  const { pool, released } = pooled(answers)
  await expect(pool.query('select 1')).rejects.toBe(refused)
  expect(released).toEqual([undefined])
})

test('a connection that is lost under it is ended', async () => {
  const { pool, released } = pooled({ 'select 1': lost })
  await expect(pool.query('select 1')).rejects.toBe(lost)
  expect(released).toEqual([lost])
})

test('a connection that is lost in somebody’s hand does not end the process: whoever has it is told', () => {
  const client = new pg.Client()
  open().emit('connect', client)
  expect(() => client.emit('error', lost)).not.toThrow()
})
