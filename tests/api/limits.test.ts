import { afterEach, describe, expect, test } from 'vitest'
import { readApiConfig } from '../../src/api/config.ts'
import { budgetsOf, createLimits, type Subject } from '../../src/api/limits/limits.ts'
import { createKeyring } from '../../src/core/credentials/keyring.ts'
import { checkAllowance, spendAllowance } from '../../src/core/postgres/rate-limits.ts'
import { transaction } from '../../src/core/postgres/transaction.ts'
import { record } from '../core/postgres/plans.ts'
import { readUser } from '../support/answers.ts'
import { basic, createTestApi, PASSWORD, post, QUICK } from '../support/api.ts'
import { shareTestDatabase } from '../support/database.ts'
import { SECRET_KEY } from '../support/secret-key.ts'
import {
  type App,
  count,
  deliver,
  endCooldown,
  expectProblem,
  from,
  registerAndActivate,
  statusesInOrder,
} from './api-client.ts'

const database = shareTestDatabase()
afterEach(async () => void (await database.pool.query('delete from rate_limits; delete from users')))

const send = (app: App, email = 'ada@example.com', address = '192.0.2.1', headers: Record<string, string> = {}) =>
  app.request('/v1/users', post({ email, password: PASSWORD }, headers), from(address))

describe('registrations of a network', () => {
  test('past the budget are refused with 429 and its headers, and store nothing', async () => {
    const app = await createTestApi(database, { LIMIT_REGISTRATIONS_PER_NET: '2/1h,60/24h' })
    const first = await send(app)
    expect(first.headers.get('ratelimit-policy')).toMatch(/^"[\w-]+";q=2;w=3600, "[\w-]+";q=60;w=86400$/)
    expect(first.headers.get('ratelimit')).toMatch(/^"[\w-]+";r=1;t=3[56]\d\d, "[\w-]+";r=59;t=86[34]\d\d$/)
    expect((await send(app)).status).toBe(202)
    const refused = await send(app)
    await expectProblem(refused, 'too-many-requests')
    const wait = Number(refused.headers.get('retry-after'))
    expect(wait).toBeGreaterThan(3500)
    expect(wait).toBeLessThanOrEqual(3600)
    expect(refused.headers.get('ratelimit-policy')).toMatch(/"[\w-]+";q=2;w=3600/)
    expect(refused.headers.get('ratelimit')).toContain(`r=0;t=${wait}`)
    expect(await count(database, 'users')).toBe(2)
  })

  test('begin anew when the window is over', async () => {
    const app = await createTestApi(database, { LIMIT_REGISTRATIONS_PER_NET: '1/1h' })
    expect(await statusesInOrder(2, () => send(app))).toEqual([202, 429])
    await database.pool.query('update rate_limits set expire = expire - 3600001')
    expect(await statusesInOrder(2, () => send(app))).toEqual([202, 429])
  })

  test('are 20 an hour unless told otherwise', async () => {
    const app = await createTestApi(database, { LIMIT_REGISTRATIONS_PER_NET: '' })
    expect(await statusesInOrder(21, () => send(app))).toEqual([...Array(20).fill(202), 429])
  })

  test('are not limited when the limit is off', async () => {
    const app = await createTestApi(database, { LIMIT_REGISTRATIONS_PER_NET: 'off' })
    expect(new Set(await statusesInOrder(25, () => send(app)))).toEqual(new Set([202]))
    expect((await send(app)).headers.has('ratelimit')).toBe(false)
  })

  test('at once cannot exceed the budget', async () => {
    const app = await createTestApi(database, { LIMIT_REGISTRATIONS_PER_NET: '5/1h' })
    const answers = await Promise.all(Array.from({ length: 20 }, () => send(app)))
    expect(answers.filter(({ status }) => status === 202)).toHaveLength(5)
  })

  test('are counted on when the SECRET_KEY is rotated', async () => {
    const limit = { LIMIT_REGISTRATIONS_PER_NET: '3/1h' }
    const former = await createTestApi(database, limit)
    const rotated = await createTestApi(database, {
      ...limit,
      SECRET_KEY: `a newer key that only the tests use,${SECRET_KEY}`,
    })
    expect(await statusesInOrder(2, () => send(former))).toEqual([202, 202])
    const last = await send(rotated)
    expect([last.status, last.headers.get('ratelimit')]).toEqual([202, expect.stringContaining('r=0;')])
    const refused = await send(rotated)
    await expectProblem(refused, 'too-many-requests')
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(3500)
    expect((await send(rotated, 'ada@example.com', '192.0.2.2')).status).toBe(202)
  })

  test('at once cannot exceed the budget that a rotated SECRET_KEY left', async () => {
    const limit = { LIMIT_REGISTRATIONS_PER_NET: '5/1h' }
    const former = await createTestApi(database, limit)
    const rotated = await createTestApi(database, {
      ...limit,
      SECRET_KEY: `a newer key that only the tests use,${SECRET_KEY}`,
    })
    await statusesInOrder(3, () => send(former))
    const answers = await Promise.all(Array.from({ length: 10 }, () => send(rotated)))
    expect(answers.filter(({ status }) => status === 202)).toHaveLength(2)
  })

  test('that are refused for their body cost nothing', async () => {
    const app = await createTestApi(database, { LIMIT_REGISTRATIONS_PER_NET: '1/1h' })
    expect(await statusesInOrder(3, () => send(app, 'nobody'))).toEqual([422, 422, 422])
    expect((await send(app)).status).toBe(202)
  })

  const CLIENTS: { why: string; proxies?: string; clients: [string, string?][]; expected: number[] }[] = [
    { why: 'two IPv4 addresses are two', clients: [['192.0.2.1'], ['192.0.2.2']], expected: [202, 202] },
    { why: 'one IPv6 /64 is one', clients: [['2001:db8::1'], ['2001:db8::ffff:2']], expected: [202, 429] },
    { why: 'two IPv6 /64 are two', clients: [['2001:db8::1'], ['2001:db8:0:1::1']], expected: [202, 202] },
    { why: 'an IPv4-mapped address is IPv4', clients: [['::ffff:192.0.2.1'], ['192.0.2.1']], expected: [202, 429] },
    { why: 'mapped addresses are two', clients: [['::ffff:192.0.2.1'], ['::ffff:192.0.2.2']], expected: [202, 202] },
    {
      why: 'nobody is believed who is no proxy',
      clients: [
        ['192.0.2.1', '198.51.100.1'],
        ['192.0.2.1', '198.51.100.2'],
      ],
      expected: [202, 429],
    },
    {
      why: 'a trusted proxy is believed',
      proxies: '10.0.0.0/8',
      clients: [
        ['10.0.0.1', '198.51.100.1'],
        ['10.0.0.1', '198.51.100.2'],
      ],
      expected: [202, 202],
    },
    {
      why: 'one client behind two proxies is one',
      proxies: '10.0.0.0/8',
      clients: [
        ['10.0.0.1', '198.51.100.1'],
        ['10.0.0.2', '198.51.100.1'],
      ],
      expected: [202, 429],
    },
    {
      why: 'what stands left is not believed',
      proxies: '10.0.0.0/8',
      clients: [
        ['10.0.0.1', '1.1.1.1, 198.51.100.1'],
        ['10.0.0.1', '2.2.2.2, 198.51.100.1'],
      ],
      expected: [202, 429],
    },
    {
      why: 'trusted hops are passed over',
      proxies: '10.0.0.0/8',
      clients: [
        ['10.0.0.1', '198.51.100.1, 10.2.3.4'],
        ['10.0.0.1', '198.51.100.2,10.2.3.4'],
      ],
      expected: [202, 202],
    },
    {
      why: 'a proxy outside the list is a client',
      proxies: '10.0.0.0/8',
      clients: [
        ['11.0.0.1', '198.51.100.1'],
        ['11.0.0.1', '198.51.100.2'],
      ],
      expected: [202, 429],
    },
    {
      why: 'a mapped proxy is a proxy',
      proxies: '10.0.0.0/8',
      clients: [
        ['::ffff:10.0.0.1', '198.51.100.1'],
        ['::ffff:10.0.0.1', '198.51.100.2'],
      ],
      expected: [202, 202],
    },
    {
      why: 'rubbish is the proxy itself',
      proxies: '10.0.0.0/8',
      clients: [
        ['10.0.0.1', 'unknown'],
        ['10.0.0.1', 'nonsense'],
      ],
      expected: [202, 429],
    },
  ]
  test.each(CLIENTS)('$why', async ({ proxies, clients, expected }) => {
    const app = await createTestApi(database, {
      LIMIT_REGISTRATIONS_PER_NET: '1/1h',
      ...(proxies && { TRUSTED_PROXIES: proxies }),
    })
    const found: number[] = []
    for (const [address, forwarded] of clients) {
      const headers: Record<string, string> = forwarded === undefined ? {} : { 'x-forwarded-for': forwarded }
      found.push((await send(app, 'ada@example.com', address, headers)).status)
    }
    expect(found).toEqual(expected)
  })
})

describe('mails of a mailbox', () => {
  test('are limited whatever the network, tags and Gmail dots', async () => {
    const app = await createTestApi(database, { LIMIT_MAILS_PER_MAILBOX: '2/1h' })
    const emails = ['a.da@gmail.com', 'ada+x@googlemail.com', 'AD.A@gmail.com', 'grace@gmail.com']
    const answers = []
    for (const [index, email] of emails.entries()) answers.push(await send(app, email, `192.0.2.${index}`))
    expect(answers.map(({ status }) => status)).toEqual([202, 202, 429, 202])
    for (const answer of answers.filter(({ status }) => status === 429))
      await expectProblem(answer, 'too-many-requests')
  })

  test('are 8 an hour unless told otherwise, and 4 of them for a network', async () => {
    const app = await createTestApi(database, { LIMIT_MAILS_PER_MAILBOX: '' })
    expect(await statusesInOrder(5, () => send(app))).toEqual([...Array(4).fill(202), 429])
    const fromAnother = () => send(app, 'ada@example.com', '192.0.2.2')
    expect(await statusesInOrder(5, fromAnother)).toEqual([...Array(4).fill(202), 429])
    expect((await send(app, 'ada@example.com', '192.0.2.3')).status).toBe(429)
  })

  test.each([
    { limit: '3/1h', half: 2 },
    { limit: '1/1h', half: 1 },
  ])(
    'of $limit one network may cause $half, whatever it writes, and the person still gets one',
    async ({ limit, half }) => {
      const app = await createTestApi(database, { LIMIT_MAILS_PER_MAILBOX: limit })
      const aliases = ['ada@gmail.com', 'a.da@gmail.com', 'ada+x@googlemail.com']
      const answers = []
      for (const email of aliases) answers.push(await send(app, email, '2001:db8::1'))
      expect(answers.filter(({ status }) => status === 202)).toHaveLength(half)
      const refused = await send(app, 'ada@gmail.com', '2001:db8::2')
      expect(refused.headers.get('ratelimit-policy')).toBe(`"mails-per-mailbox-and-net-3600s";q=${half};w=3600`)
      await expectProblem(refused, 'too-many-requests')
      expect((await send(app, 'ada@gmail.com', '192.0.2.7')).status).toBe(limit === '1/1h' ? 429 : 202)
      expect((await send(app, 'ada@gmail.com', '192.0.2.8')).status).toBe(429)
      // What the network asks for other people is not touched.
      expect((await send(app, 'grace@gmail.com', '2001:db8::1')).status).toBe(202)
    },
  )

  test('by resends of one network leave the rest to others', async () => {
    const app = await createTestApi(database, { LIMIT_MAILS_PER_MAILBOX: '4/1h' })
    const stranger = from('192.0.2.66')
    const user = await readUser(
      await app.request('/v1/users', post({ email: 'ada@example.com', password: PASSWORD }), stranger),
    )
    const again = async () => {
      await deliver(database, user)
      await endCooldown(database, user)
      const headers = { authorization: basic(user.email) }
      return app.request(`/v1/users/${user.id}/codes`, { method: 'POST', headers }, stranger)
    }
    expect(await statusesInOrder(3, again)).toEqual([202, 429, 429])
    expect(await statusesInOrder(3, () => send(app))).toEqual([202, 202, 429])
  })

  test('are refused alike whether the address is known or not', async () => {
    const app = await createTestApi(database, { LIMIT_MAILS_PER_MAILBOX: '2/1h' })
    await registerAndActivate(app, database, 'known@example.com')
    await database.pool.query('delete from rate_limits')
    const refusalOf = async (email: string) => {
      await send(app, email)
      const { headers, status, ...refused } = await send(app, email)
      return { status, ...refused, names: [...headers.keys()], policy: headers.get('ratelimit-policy') }
    }
    const known = await refusalOf('known@example.com')
    expect(known.status).toBe(429)
    expect(known).toEqual(await refusalOf('unknown@example.com'))
  })
})

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
