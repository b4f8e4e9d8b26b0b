import { expect, test } from 'vitest'
import { deleteAbandonedUsers, START } from '../../../src/core/postgres/old-registrations.ts'
import { shareTestDatabase } from '../../support/database.ts'
import { addPending, age } from '../fixtures.ts'

const database = shareTestDatabase()

test('a batch of registrations that have to stay is followed by the next behind its last, and a short one by none', async () => {
  const ids: string[] = []
  while (ids.length < 4) {
    const { user } = await addPending(database)
    // Its mail waits, so it stays.
    await age(database, user.id, 90_000)
    ids.push(user.id)
  }
  const first = await deleteAbandonedUsers(database.pool, START, 3)
  expect(first).toMatchObject({ removed: 0, next: { id: ids[2] } })
  expect(await deleteAbandonedUsers(database.pool, first.next ?? START, 3)).toEqual({ removed: 0, next: null })
})
