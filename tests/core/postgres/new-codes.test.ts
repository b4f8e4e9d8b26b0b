import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { replaceCode } from '../../../src/core/postgres/codes/code-minute.ts'
import { supersedeCode } from '../../../src/core/postgres/codes/codes.ts'
import { insertNextCode, insertRegistration } from '../../../src/core/postgres/codes/new-codes.ts'
import { spendingOf, UNLIMITED } from '../../../src/core/postgres/rate-limits.ts'
import { transaction } from '../../../src/core/postgres/transaction.ts'
import { findUser } from '../../../src/core/postgres/users.ts'
import { newCode } from '../../../src/core/registration/new-code.ts'
import { shareTestDatabase } from '../../support/database.ts'
import { addPending, readCode, useCaseTools } from '../fixtures.ts'

const database = shareTestDatabase()
const email = 'ada@example.com'
const row = { email, passwordHash: 'a hash', ref: 'K7QX', locale: 'en', metadata: '{"plan":"team"}' }
const code = () => newCode(useCaseTools(database), { email, requestId: 'a-request' })
// What is read a moment later has less to wait.
const find = async (id: string) => {
  const wanted = { id, cooldownSeconds: 0, mailboxKeys: [], guessBudgets: [], counterKeys: [] }
  return (await findUser(database.pool, wanted)).user
}

test('what a registration, and then its next code, gives is the row as it is read', async () => {
  const user = { ...row, id: randomUUID(), idempotencyKey: null, idempotencyDigest: null }
  const inserted = await transaction(database.pool, (tx) =>
    insertRegistration(tx, { user, code: code(), spending: spendingOf(UNLIMITED, []), cooldownSeconds: 0 }),
  )
  expect(inserted).toMatchObject({ surge: { wrongCodes: 0, isSurge: false }, counted: [] })
  expect({ ...inserted?.user, counted: [] }).toEqual(await find(user.id))
  const next = await transaction(database.pool, async (tx) => {
    await supersedeCode(tx, user.id)
    return insertNextCode(tx, user.id, code(), 0)
  })
  expect(next.surge).toEqual({ wrongCodes: 0, isSurge: false })
  expect({ ...inserted?.user, ...next.code, counted: [] }).toEqual(await find(user.id))
})

test('a code is not replaced when its lease has passed on', async () => {
  const { user, mailId, codeId } = await addPending(database)
  const fresh = { id: randomUUID(), digits: 4, keyId: 'a key' }
  const replacement = { mailId, userId: user.id, formerId: codeId, fresh, ttlSeconds: 60, digest: Buffer.alloc(16) }
  expect(await replaceCode(database.pool, { ...replacement, token: randomUUID() })).toBe(false)
  expect((await readCode(database, codeId)).isCurrent).toBe(true)
})
