import { afterEach, describe, expect, test } from 'vitest'
import { createTestApi } from '../../support/api.ts'
import { shareTestDatabase } from '../../support/database.ts'
import { send } from './send.ts'

const database = shareTestDatabase()
afterEach(async () => void (await database.pool.query('delete from rate_limits; delete from users')))

describe('registrations of a network', () => {
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
