import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { LIMITS, statusesOf } from './limited.ts'
import { type Service, startService } from './service.ts'

let behindProxy: Service
beforeAll(async () => {
  behindProxy = await startService({ environment: { ...LIMITS, TRUSTED_PROXIES: '127.1.0.0/16, 10.0.0.0/8' } })
})
afterAll(() => behindProxy.close())

const forwarded = (...values: string[]): string[] => values.map((value) => `X-Forwarded-For: ${value}`)

describe('behind a trusted proxy', () => {
  const CASES: { why: string; clients: string[][]; expected: number[] }[] = [
    {
      why: 'each IPv4 address has a budget',
      clients: [['198.51.100.1'], ['198.51.100.1'], ['198.51.100.1'], ['198.51.100.2']],
      expected: [202, 202, 429, 202],
    },
    {
      why: 'an IPv6 /64 has one',
      clients: [['2001:db8:1::1'], ['2001:db8:1::ffff'], ['2001:db8:1:0:a:b:c:d'], ['2001:db8:1:1::1']],
      expected: [202, 202, 429, 202],
    },
    {
      why: 'an IPv4-mapped address is the IPv4 address',
      clients: [['203.0.113.1'], ['::ffff:203.0.113.1'], ['::ffff:cb00:7101']],
      expected: [202, 202, 429],
    },
    {
      why: 'what stands left is a lie',
      clients: [['1.1.1.1, 203.0.113.2'], ['2.2.2.2, 203.0.113.2'], ['3.3.3.3,203.0.113.2']],
      expected: [202, 202, 429],
    },
    {
      why: 'of several headers the last counts',
      clients: [['1.1.1.1', '203.0.113.3'], ['2.2.2.2', '203.0.113.3'], ['203.0.113.3']],
      expected: [202, 202, 429],
    },
    {
      why: 'further proxies are passed over',
      clients: [['203.0.113.4, 10.1.1.1'], ['203.0.113.4, 10.2.2.2'], ['203.0.113.4']],
      expected: [202, 202, 429],
    },
    {
      why: 'a port is no other client',
      clients: [['203.0.113.5:1'], ['203.0.113.5:2'], ['203.0.113.5']],
      expected: [202, 202, 429],
    },
    {
      why: 'brackets are no other client',
      clients: [['[2001:db8:5::1]:1'], ['[2001:db8:5::1]'], ['2001:db8:5::1']],
      expected: [202, 202, 429],
    },
    {
      why: 'rubbish on the left is passed by',
      clients: [['evil, 203.0.113.6'], ['<x>, 203.0.113.6'], [', 203.0.113.6']],
      expected: [202, 202, 429],
    },
    {
      why: 'rubbish alone is the proxy itself',
      clients: [['evil'], ['0x7f.1'], ['203.0.113']],
      expected: [202, 202, 429],
    },
    {
      why: 'a thousand hops are no way around',
      clients: [1, 2, 3].map((n) => [`${`${n}.1.1.1,`.repeat(800)}203.0.113.7`]),
      expected: [202, 202, 429],
    },
    {
      why: 'other headers mean nothing',
      clients: [['203.0.113.8\r\nX-Real-IP: 1.1.1.1'], ['203.0.113.8\r\nForwarded: for=2.2.2.2'], ['203.0.113.8']],
      expected: [202, 202, 429],
    },
  ]
  test.each(CASES.map((row, index) => ({ ...row, localAddress: `127.1.0.${index + 1}` })))(
    '$why',
    async ({ clients, expected, localAddress }) => {
      const froms = clients.map((values) => ({ localAddress, headers: forwarded(...values) }))
      expect(await statusesOf(behindProxy, froms)).toEqual(expected)
    },
  )

  test('who is no proxy of ours is not believed', async () => {
    const froms = ['198.51.100.11', '198.51.100.12', '198.51.100.13'].map((client) => ({ headers: forwarded(client) }))
    expect(await statusesOf(behindProxy, froms)).toEqual([202, 202, 429])
  })
})
