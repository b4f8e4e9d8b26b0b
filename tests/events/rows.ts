import { expect } from 'vitest'
import { addPending, digitsOf, openFor, type Pending, type } from '../core/fixtures.ts'
import type { TestDatabase } from '../support/database.ts'

/** A registration that was activated, which is an event. */
export const activated = async (database: TestDatabase): Promise<Pending> => {
  const pending = await addPending(database)
  await openFor(database, pending.codeId)
  expect(await type(database, pending, await digitsOf(database, pending.codeId))).toBe('activated')
  return pending
}

export const rows = async ({ pool }: TestDatabase) =>
  (
    await pool.query<{
      id: string
      type: string
      outcome: string | null
      data: { user?: Record<string, unknown>; mail?: object }
    }>('select id, type, outcome, data from events order by created_at')
  ).rows
