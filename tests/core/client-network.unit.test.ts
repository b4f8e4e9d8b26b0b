import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readApiConfig } from '../../src/api/config.ts'
import { clientNetwork, isTrustedPeer, parseNetwork } from '../../src/core/process/http/client-network.ts'

const trust = (proxies: string) =>
  readApiConfig({ DATABASE_URL: 'postgres://x/y', SECRET_KEY: 'x'.repeat(32), TRUSTED_PROXIES: proxies })
    .TRUSTED_PROXIES

const incoming = (remoteAddress: string | undefined) => {
  const socket = new Socket()
  Object.defineProperty(socket, 'remoteAddress', { value: remoteAddress })
  return new IncomingMessage(socket)
}
const networkOf = (peer: string | undefined, forwardedFor?: string, proxies = '') =>
  clientNetwork(incoming(peer), forwardedFor, trust(proxies))

describe('the network of a peer', () => {
  test.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::ffff:c000:201', '192.0.2.1'],
    ['64:ff9b::192.0.2.1', '192.0.2.1'],
    ['64:ff9b::c000:201', '192.0.2.1'],
    ['64:ff9b:1::c000:201', '64:ff9b:1::/64'],
    ['2002:c000:201::1', '192.0.2.1'],
    ['2002:c000:201:ffff:1:2:3:4', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:DB8:1:2::', '2001:db8:1:2::/64'],
    ['::1', '::/64'],
    ['fe80::1%eth0', 'fe80::/64'],
  ])('of %s is %s', (peer, net) => {
    expect(networkOf(peer)).toBe(net)
  })

  test('without an address all are one', () => {
    expect(networkOf(undefined)).toBe('unknown')
    expect(clientNetwork(undefined, '198.51.100.1', trust('0.0.0.0/0'))).toBe('unknown')
  })
})

describe('X-Forwarded-For', () => {
  test.each([
    { why: 'not from a stranger', peer: '192.0.2.1', header: '198.51.100.1', net: '192.0.2.1' },
    { why: 'from a proxy', peer: '10.0.0.1', header: '198.51.100.1', net: '198.51.100.1' },
    { why: 'from a proxy without the header', peer: '10.0.0.1', net: '10.0.0.1' },
    { why: 'an empty one', peer: '10.0.0.1', header: '', net: '10.0.0.1' },
    { why: 'the right-most untrusted', peer: '10.0.0.1', header: '1.1.1.1, 2.2.2.2, 10.0.0.2', net: '2.2.2.2' },
    { why: 'without blanks', peer: '10.0.0.1', header: '1.1.1.1,2.2.2.2', net: '2.2.2.2' },
    { why: 'only proxies: the first of them', peer: '10.0.0.1', header: '10.0.0.3, 10.0.0.2', net: '10.0.0.3' },
    { why: 'rubbish left of the client', peer: '10.0.0.1', header: 'evil, 2.2.2.2', net: '2.2.2.2' },
    { why: 'rubbish right of the client', peer: '10.0.0.1', header: '2.2.2.2, evil, 10.0.0.2', net: '10.0.0.2' },
    { why: 'an IPv6 client', peer: '10.0.0.1', header: '2001:db8::1', net: '2001:db8::/64' },
    { why: 'a mapped client', peer: '10.0.0.1', header: '::ffff:2.2.2.2', net: '2.2.2.2' },
    { why: 'a mapped proxy', peer: '::ffff:10.0.0.1', header: '2.2.2.2', net: '2.2.2.2' },
    { why: 'an IPv6 proxy', peer: 'fd00::5', header: '2.2.2.2', net: '2.2.2.2' },
    { why: 'an IPv6 stranger', peer: 'fe00::5', header: '2.2.2.2', net: 'fe00::/64' },
  ])('is read right: $why', ({ peer, header, net }) => {
    expect(networkOf(peer, header, '10.0.0.0/8, fd00::/8')).toBe(net)
  })

  test.each([
    { proxies: '10.0.0.1', peer: '10.0.0.1', isTrusted: true },
    { proxies: '10.0.0.1', peer: '10.0.0.2', isTrusted: false },
    { proxies: '0.0.0.0/0', peer: '10.0.0.2', isTrusted: true },
    { proxies: '0.0.0.0/0', peer: '2001:db8::1', isTrusted: false },
    { proxies: '::/0', peer: '2001:db8::1', isTrusted: true },
    { proxies: '2001:db8::/32', peer: '2001:db8::1', isTrusted: true },
    { proxies: '::ffff:10.0.0.0/104', peer: '10.0.0.2', isTrusted: true },
  ])('$proxies has $peer: $isTrusted', ({ proxies, peer, isTrusted }) => {
    const client = '198.51.100.7'
    expect(networkOf(peer, client, proxies) === client).toBe(isTrusted)
  })
})

describe('an address in X-Forwarded-For', () => {
  const seen = (header: string) => networkOf('10.0.0.1', header, '10.0.0.0/8')

  test.each([
    ['2.2.2.2:443', '2.2.2.2'],
    ['2.0.0.1', '2.0.0.1'],
    ['[2001:db8::1]', '2001:db8::/64'],
    ['[2001:db8::1]:443', '2001:db8::/64'],
  ])('%s is %s', (header, network) => {
    expect(seen(header)).toBe(network)
  })

  test.each([
    ...['2', '2.2', '0x02.2.2.2', '02.2.2.2', '2.2.2.02', '2.2.2.2:', '2.2.2.2:443x', 'x2.2.2.2:443', '2.2.2.256'],
    ...['x[2001:db8::1]', '[2001:db8::1]x', '[2001:db8::1]:', '[2001:db8::1]:x', '[]', '2001:db8::1]'],
  ])('%s is none', (header) => {
    expect(seen(header)).toBe('10.0.0.1')
  })
})

describe('a trusted network', () => {
  test.each([
    ['10.0.0.1', '10.0.0.1', 32],
    ['10.0.0.0/8', '10.0.0.0', 8],
    ['0.0.0.0/0', '0.0.0.0', 0],
    ['10.0.0.1/32', '10.0.0.1', 32],
    ['2001:db8::/32', '2001:db8::', 32],
    ['2001:678::/32', '2001:678::', 32],
    ['2001:db8::1:80', '2001:db8::1:80', 128],
    ['2001:db8::1/128', '2001:db8::1', 128],
    ['::ffff:10.0.0.0/104', '10.0.0.0', 8],
    ['::ffff:10.0.0.1', '10.0.0.1', 32],
  ])('%s is %s with %i bits', (text, address, bits) => {
    const network = parseNetwork(text)
    expect([network?.[0].toString(), network?.[1]]).toEqual([address, bits])
  })

  test.each([
    ...[
      '',
      '10.0.0.0/',
      '10.0.0.0/33',
      '10.0.0.0/0008',
      '10.0.0.0/8/8',
      '0/10.0.0.0/8',
      '/8',
      '10.0.0.0/x',
      ' 10.0.0.0/8',
      '10/8',
    ],
    ...['[2001:db8::1]', '[2001:db8::1]/32', '10.0.0.1:80', '2001:db8::/129', '::ffff:10.0.0.0/95'],
  ])('%s is none', (text) => {
    expect(parseNetwork(text)).toBeNull()
  })
})

test('a peer without an address is no trusted proxy', () => {
  const all = trust('0.0.0.0/0, ::/0')
  expect(isTrustedPeer(incoming('192.0.2.1'), all)).toBe(true)
  expect(isTrustedPeer(incoming('192.0.2.1'), trust('10.0.0.0/8'))).toBe(false)
  expect(isTrustedPeer(incoming(undefined), all)).toBe(false)
  expect(isTrustedPeer(undefined, all)).toBe(false)
})

test('an address that carries another is trusted only as itself', () => {
  expect(networkOf('2002:a00:1::1', '198.51.100.1', '10.0.0.0/8')).toBe('10.0.0.1')
  expect(networkOf('64:ff9b::10.0.0.1', '198.51.100.1', '10.0.0.0/8')).toBe('10.0.0.1')
  expect(networkOf('64:ff9b::10.0.0.1', '198.51.100.1', '64:ff9b::/96')).toBe('198.51.100.1')
})

const anyHeader = fc.oneof(fc.string(), fc.ipV4(), fc.array(fc.oneof(fc.ipV4(), fc.ipV6(), fc.string())).map(String))

test('whatever a stranger writes, the network is his own', () => {
  fc.assert(fc.property(fc.ipV4(), anyHeader, (peer, header) => networkOf(peer, header) === networkOf(peer)))
})

test('whatever stands left of the right-most untrusted hop is ignored', () => {
  fc.assert(
    fc.property(
      anyHeader,
      (rubbish) => networkOf('10.0.0.1', `${rubbish},198.51.100.7`, '10.0.0.0/8') === '198.51.100.7',
    ),
  )
})

test('addresses of one /64 are one network', () => {
  const group = fc.integer({ min: 0, max: 0xffff }).map((value) => value.toString(16))
  const half = fc.tuple(group, group, group, group).map((groups) => groups.join(':'))
  fc.assert(
    fc.property(half, half, half, (net, a, b) => {
      fc.pre(!/^(?:0:0:0:0|64:ff9b:0:0|2002:)/.test(net))
      expect(networkOf(`${net}:${a}`)).toBe(networkOf(`${net}:${b}`))
    }),
  )
})
