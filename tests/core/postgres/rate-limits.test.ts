import pg from 'pg'
import { expect, test } from 'vitest'
import { createPasswordHasher } from '../../../src/core/credentials/password.ts'
import {
  type Allowance,
  checkAllowance,
  isOverspent,
  spendAllowance,
  spendingOf,
  UNLIMITED,
} from '../../../src/core/postgres/rate-limits.ts'
import { register } from '../../../src/core/registration/register.ts'
import { shareTestDatabase } from '../../support/database.ts'
import { useCaseTools } from '../fixtures.ts'
import { registration } from '../registration.ts'
import { record } from './plans.ts'

const database = shareTestDatabase()

test('of who may do as he likes nothing is asked, and he spends nothing', async () => {
  const { pool } = database
  const both = async () =>
    expect(await Promise.all([checkAllowance(pool, UNLIMITED), spendAllowance(pool, UNLIMITED)])).toEqual([[], []])
  expect(await record(both)).toEqual([])
  expect(spendingOf(UNLIMITED, [])).toEqual({ keys: [], seconds: [], maxima: [] })
})

test('a registration looks again when others have spent meanwhile what was left, and its window is as long as was said', async () => {
  const hasher = await createPasswordHasher(4)
  const maxima = [0, 1]
  let looks = 0
  const budget: Allowance = {
    ...UNLIMITED,
    counters: [{ key: 'meanwhile', seconds: 60 }],
    refuseUsedUp: () => {
      looks += 1
    },
    maximaOf: () => maxima.splice(0, 1),
  }
  const registered = await register({ ...useCaseTools(database), hasher }, { ...registration(), budget })
  expect(registered).toMatchObject({ counted: [{ key: 'meanwhile', spent: 1, msLeft: 60_000 }] })
  expect(looks).toBe(2)
})

test('only what a counter was refused for is overspent', () => {
  const refusedBy = (constraint: string) => Object.assign(new pg.DatabaseError('no', 2, 'error'), { constraint })
  const errors = [refusedBy('rate_limits_within_most'), refusedBy('users_pkey'), new Error('no'), undefined]
  expect(errors.map(isOverspent)).toEqual([true, false, false, false])
})
