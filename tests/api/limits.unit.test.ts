import { describe, expect, test } from 'vitest'
import { RequestRefused } from '../../src/api/answers/problems.ts'
import { readApiConfig } from '../../src/api/config.ts'
import {
  budgetsOf,
  createLimits,
  failedLogins,
  failedSignIns,
  limitNames,
  mailsOf,
  tooEarly,
} from '../../src/api/limits/limits.ts'
import { createKeyring, lookupKeys } from '../../src/core/credentials/keyring.ts'
import { QUICK } from '../support/api.ts'
import { SECRET_KEY } from '../support/secret-key.ts'

const keyring = createKeyring([SECRET_KEY, 'an older secret key that only the tests use'])
const budgets = budgetsOf(
  readApiConfig({
    ...{ ...QUICK, DATABASE_URL: 'postgres://localhost/none' },
    ...{ LIMIT_REGISTRATIONS_PER_NET: '20/1h', LIMIT_WRONG_CODES_PER_NET: '5/1h' },
    ...{ LIMIT_MAILS_PER_MAILBOX: '3/1h,9/24h', LIMIT_FAILED_LOGINS_PER_USER: '2/1h' },
  }),
)
const limits = createLimits({ keyring, budgets })

const HOUR = 3600
const DAY = 24 * HOUR

/** What a counter is kept under, by the newest secret and by the older one. */
const keysOf = (name: string, value: string): string[] =>
  lookupKeys(keyring, 'limit', value).map((key) => `${name}:${key.toString('base64url')}`)

const refusalOf = (work: () => void) => {
  try {
    work()
  } catch (error) {
    if (error instanceof RequestRefused) return { slug: error.slug, ...error.details }
    throw error
  }
  return null
}

test('each policy has the budget that is set, and some have one of it', () => {
  expect(budgets).toEqual({
    'registrations-per-net': [{ max: 20, seconds: HOUR }],
    'wrong-codes-per-net': [{ max: 5, seconds: HOUR }],
    'mails-per-mailbox': [
      { max: 3, seconds: HOUR },
      { max: 9, seconds: DAY },
    ],
    'mails-per-mailbox-and-net': [
      { max: 2, seconds: HOUR },
      { max: 5, seconds: DAY },
    ],
    'failed-logins-per-user': [{ max: 2, seconds: HOUR }],
    'failed-logins-per-address': [{ max: 20, seconds: HOUR }],
    'failed-logins-per-net': [],
  })
  expect(limitNames.toSorted()).toEqual([...Object.keys(budgets), 'resend'].toSorted())
})

test('a counter is kept under what it was in every version, or an upgrade would give every budget anew', () => {
  const { counters, older } = limits.of(
    ['registrations-per-net', '192.0.2.1'],
    ...mailsOf('a@example.com', '192.0.2.1'),
  )
  const kept = [
    { keys: keysOf('registrations-per-net-3600s', '192.0.2.1'), seconds: HOUR },
    { keys: keysOf('mails-per-mailbox-and-net-3600s', 'a@example.com 192.0.2.1'), seconds: HOUR },
    { keys: keysOf('mails-per-mailbox-and-net-86400s', 'a@example.com 192.0.2.1'), seconds: DAY },
    { keys: keysOf('mails-per-mailbox-3600s', 'a@example.com'), seconds: HOUR },
    { keys: keysOf('mails-per-mailbox-86400s', 'a@example.com'), seconds: DAY },
  ]
  expect(counters).toEqual(kept.map(({ keys: [key], seconds }) => ({ key, seconds })))
  expect(older).toEqual(kept.map(({ keys: [, key] }) => key))
})

describe('a failed login is counted', () => {
  const all = createLimits({ keyring, budgets: { ...budgets, 'failed-logins-per-net': [{ max: 60, seconds: HOUR }] } })
  const user = (value: string) => keysOf('failed-logins-per-user-3600s', value)[0]
  const net = keysOf('failed-logins-per-net-3600s', '192.0.2.1')[0]
  const address = keysOf('failed-logins-per-address-3600s', 'a@example.com')[0]
  const countersOf = ({ counters }: { counters: readonly { key: string }[] }) => counters.map(({ key }) => key)

  test('for its registration and network', () => {
    expect(countersOf(failedLogins(all, 'an id', '192.0.2.1'))).toEqual([user('an id'), net])
  })

  test('for its address as from its network, for that network, and, from a strange one, for the address', () => {
    const { fromKnownNetwork, fromAnywhere } = failedSignIns(all, 'a@example.com', '192.0.2.1')
    const here = [user('a@example.com 192.0.2.1'), net]
    expect(countersOf(fromKnownNetwork)).toEqual(here)
    expect(countersOf(fromAnywhere)).toEqual([...here, address])
  })
})

describe('a limit', () => {
  const limit = limits.of(['mails-per-mailbox', 'a@example.com'], ['wrong-codes-per-net', '192.0.2.1'])
  const [hourly = '', olderHourly = ''] = keysOf('mails-per-mailbox-3600s', 'a@example.com')
  const [daily = ''] = keysOf('mails-per-mailbox-86400s', 'a@example.com')
  const [net = ''] = keysOf('wrong-codes-per-net-3600s', '192.0.2.1')
  const spent = (key: string, points: number, msLeft = 60_000) => ({ key, spent: points, msLeft })
  const usedUp = (...counted: ReturnType<typeof spent>[]) => refusalOf(() => limit.refuseUsedUp(counted))
  const overspent = (...counted: ReturnType<typeof spent>[]) => refusalOf(() => limit.refuseOverspent(counted))

  test('refuses nobody of whom nothing was counted', () => {
    expect([usedUp(), overspent()]).toEqual([null, null])
    expect([usedUp(spent('of another', 99)), overspent(spent('of another', 99))]).toEqual([null, null])
  })

  test('is used up when all is spent, and overspent by one more', () => {
    expect([usedUp(spent(hourly, 2)), overspent(spent(hourly, 3))]).toEqual([null, null])
    const refusal = {
      slug: 'too-many-requests',
      limit: 'mails-per-mailbox',
      headers: {
        'Retry-After': '60',
        'RateLimit-Policy': '"mails-per-mailbox-3600s";q=3;w=3600',
        RateLimit: '"mails-per-mailbox-3600s";r=0;t=60',
      },
    }
    expect([usedUp(spent(hourly, 3)), overspent(spent(hourly, 4))]).toEqual([refusal, refusal])
  })

  test('adds what was counted under an older secret, and lasts as long as the longer of both', () => {
    const refusal = { headers: { 'Retry-After': '90' } }
    expect(usedUp(spent(hourly, 1, 50_000), spent(olderHourly, 2, 90_000))).toMatchObject(refusal)
    expect(usedUp(spent(hourly, 2, 90_000), spent(olderHourly, 1, 50_000))).toMatchObject(refusal)
    expect(usedUp(spent(hourly, 1), spent(olderHourly, 1))).toBeNull()
  })

  test('tells of the first subject that has nothing left, and of that its longest wait', () => {
    const both = [spent(hourly, 3, 5000), spent(daily, 9, 7000)]
    const refusal = {
      headers: { 'Retry-After': '7', 'RateLimit-Policy': '"mails-per-mailbox-86400s";q=9;w=86400' },
      limit: 'mails-per-mailbox',
    }
    expect(usedUp(...both, spent(net, 5, 9000))).toMatchObject(refusal)
    expect(usedUp(spent(net, 5, 9000), ...both.toReversed())).toMatchObject(refusal)
    expect(usedUp(spent(hourly, 3, 7001), spent(daily, 9, 6999))).toMatchObject({
      headers: { 'Retry-After': '8', 'RateLimit-Policy': '"mails-per-mailbox-3600s";q=3;w=3600' },
    })
    expect(usedUp(spent(hourly, 2), spent(net, 5, 9000))).toMatchObject({ limit: 'wrong-codes-per-net' })
  })

  test('gives the fields of its first subject, each budget by its name, its wait rounded up and never none', () => {
    expect(limit.fieldsOf([spent(hourly, 2, 59_001), spent(daily, 10, 0), spent(net, 1)])).toEqual({
      'RateLimit-Policy': '"mails-per-mailbox-3600s";q=3;w=3600, "mails-per-mailbox-86400s";q=9;w=86400',
      RateLimit: '"mails-per-mailbox-3600s";r=1;t=60, "mails-per-mailbox-86400s";r=0;t=1',
    })
  })

  test('that is off has none', () => {
    const off = limits.of(['failed-logins-per-net', '192.0.2.1'])
    expect([off.counters, off.older, off.fieldsOf([])]).toEqual([[], [], {}])
  })
})

test('what comes too early is told when it may come', () => {
  const refusal = tooEarly('resend', 7, 30)
  expect({ slug: refusal.slug, ...refusal.details }).toEqual({
    slug: 'too-many-requests',
    limit: 'resend',
    headers: {
      'Retry-After': '7',
      'RateLimit-Policy': '"resend";q=1;w=30',
      RateLimit: '"resend";r=0;t=7',
    },
  })
})
