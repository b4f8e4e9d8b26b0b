import { afterEach, describe, expect, test } from 'vitest'
import { readApiConfig } from '../../../src/api/config.ts'
import { budgetsOf, createLimits, type Subject } from '../../../src/api/limits/limits.ts'
import { createKeyring } from '../../../src/core/credentials/keyring.ts'
import { checkAllowance, spendAllowance } from '../../../src/core/postgres/rate-limits.ts'
import { transaction } from '../../../src/core/postgres/transaction.ts'
import { record } from '../../core/postgres/plans.ts'
import { QUICK } from '../../support/api.ts'
import { shareTestDatabase } from '../../support/database.ts'
import { SECRET_KEY } from '../../support/secret-key.ts'

const database = shareTestDatabase()
afterEach(async () => void (await database.pool.query('delete from rate_limits; delete from users')))

describe('all counters of a request', () => {
  const net: Subject = ['registrations-per-net', '192.0.2.1']
  const mailbox: Subject = ['mails-per-mailbox', 'ada@example.com']
  const limitsOf = (limit: string, secretKey = SECRET_KEY) =>
    createLimits({
      keyring: createKeyring(secretKey.split(',')),
      budgets: budgetsOf(
        readApiConfig({
          ...{ ...QUICK, DATABASE_URL: database.url },
          ...{ LIMIT_REGISTRATIONS_PER_NET: limit, LIMIT_MAILS_PER_MAILBOX: limit },
        }),
      ),
    })
  const countersOf = async () =>
    (await database.pool.query<{ points: number }>('select points from rate_limits')).rows.map(({ points }) => points)

  test('are looked at in one statement and spent in one, under however many secrets', async () => {
    const limits = limitsOf('2/1h,9/24h', `a newer key that only the tests use,${SECRET_KEY}`)
    expect(await record(() => checkAllowance(database.pool, limits.of(net, mailbox)), /./)).toHaveLength(1)
    expect(await record(() => spendAllowance(database.pool, limits.of(net, mailbox)), /./)).toHaveLength(1)
    expect(await countersOf()).toEqual([1, 1, 1, 1])
  })

  test('are not asked for when the limits are off', async () => {
    const limit = limitsOf('off').of(net, mailbox)
    const both = () => Promise.all([checkAllowance(database.pool, limit), spendAllowance(database.pool, limit)])
    expect(await record(both, /./)).toEqual([])
  })

  test('are spent at once in whatever order without a deadlock, and never past the budget', async () => {
    const limits = limitsOf('30/1h,40/24h')
    const spend = (index: number) =>
      transaction(database.pool, (tx) =>
        spendAllowance(tx, limits.of(...(index % 2 ? [net, mailbox] : [mailbox, net]))),
      )
    const spent = await Promise.allSettled(Array.from({ length: 60 }, (_, index) => spend(index)))
    expect(spent.filter(({ status }) => status === 'fulfilled')).toHaveLength(30)
    for (const refusal of spent.filter((end) => end.status === 'rejected'))
      expect(refusal.reason).toMatchObject({ slug: 'too-many-requests' })
    // What was refused was rolled back.
    expect(await countersOf()).toEqual([30, 30, 30, 30])
  })

  test('begin a window of their own by the clock of the database', async () => {
    const limit = limitsOf('1/1h,2/24h').of(net)
    await spendAllowance(database.pool, limit)
    await database.pool.query("update rate_limits set expire = expire - 3600000 where key like '%-3600s:%'")
    await checkAllowance(database.pool, limit)
    await spendAllowance(database.pool, limit)
    await expect(checkAllowance(database.pool, limit)).rejects.toMatchObject({ slug: 'too-many-requests' })
    expect((await countersOf()).toSorted()).toEqual([1, 2])
  })
})
