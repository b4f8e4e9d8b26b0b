import type { IncomingMessage } from 'node:http'
import ipaddr from 'ipaddr.js'

/** A network and the length of its prefix in bits. */
export type Network = ReturnType<typeof ipaddr.parseCIDR>

const IPV6_NETWORK_BITS = 64
// Translators (RFC 6052) and tunnels (RFC 3056) that carry an IPv4 host: the prefix, and the byte at which its address begins.
const CARRIERS = [
  { network: ipaddr.IPv6.parseCIDR('64:ff9b::/96'), at: 12 },
  { network: ipaddr.IPv6.parseCIDR('2002::/16'), at: 2 },
]

/**
 * The network that a request comes from, for limits: an IPv4 address, or an IPv6 /64. It is the peer's, or, when the peer is a
 * trusted proxy, the right-most address of `X-Forwarded-For` that is none: what stands left of it anybody can write. IPv6 that
 * carries an IPv4 host (mapped, NAT64, 6to4) is that host.
 */
export const clientNetwork = (
  incoming: IncomingMessage | undefined,
  forwardedFor: string | undefined,
  trusted: Network[],
): string => {
  const peer = parse(incoming?.socket.remoteAddress ?? '')
  if (!peer) return 'unknown'
  return networkOf(isTrusted(peer, trusted) ? forwardedClient(peer, forwardedFor ?? '', trusted) : peer)
}

/** Whether a request comes from a trusted proxy, which carries those of many. */
export const isTrustedPeer = (incoming: IncomingMessage | undefined, trusted: Network[]): boolean => {
  if (trusted.length === 0) return false
  const peer = parse(incoming?.socket.remoteAddress ?? '')
  return peer !== null && isTrusted(peer, trusted)
}

type Address = ReturnType<typeof ipaddr.process>

/** Four decimal parts or IPv6; `ipaddr.process` alone also takes `10`, `010.0.0.1` and `0x7f.1`, which others read otherwise. */
const parse = (value: string): Address | null => {
  const bare = /^\[(.+)\](?::\d+)?$/.exec(value)?.[1] ?? /^([\d.]+):\d+$/.exec(value)?.[1] ?? value
  return ipaddr.IPv4.isValidFourPartDecimal(bare) || ipaddr.IPv6.isValid(bare) ? ipaddr.process(bare) : null
}

/** A network in CIDR notation, or one address; null when it is neither. IPv4-mapped networks are IPv4 networks. */
export const parseNetwork = (value: string): Network | null => {
  const [, host = '', prefix] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(value) ?? []
  const address = /[[\]]|^[\d.]+:\d+$/.test(host) ? null : parse(host)
  if (!address) return null
  const size = address.kind() === 'ipv4' ? 32 : 128
  const mapped = size === 32 && host.includes(':') ? 96 : 0
  const bits = prefix === undefined ? size : Number(prefix) - mapped
  return bits >= 0 && bits <= size ? [address, bits] : null
}

const forwardedClient = (peer: Address, forwardedFor: string, trusted: Network[]): Address => {
  let client = peer
  for (const hop of forwardedFor.split(',').toReversed()) {
    const address = parse(hop.trim())
    if (!address) return client
    client = address
    if (!isTrusted(address, trusted)) return client
  }
  return client
}

const isTrusted = (address: Address, trusted: Network[]): boolean =>
  trusted.some(([network, bits]) => network.kind() === address.kind() && address.match(network, bits))

const networkOf = (seen: Address): string => {
  // For counting only: whom to trust is decided by the address itself.
  const address = carriedIn(seen) ?? seen
  if (address.kind() === 'ipv4') return address.toString()
  const bytes = address.toByteArray().map((byte, index) => (index < IPV6_NETWORK_BITS / 8 ? byte : 0))
  return `${ipaddr.fromByteArray(bytes).toString()}/${IPV6_NETWORK_BITS}`
}

const carriedIn = (address: Address): Address | null => {
  const carrier = CARRIERS.find(
    ({ network: [network, bits] }) => address.kind() === 'ipv6' && address.match(network, bits),
  )
  return carrier ? ipaddr.fromByteArray(address.toByteArray().slice(carrier.at, carrier.at + 4)) : null
}
