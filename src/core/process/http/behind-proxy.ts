import type { Context, MiddlewareHandler } from 'hono'
import { isTrustedPeer, type Network } from './client-network.ts'

const HALF_A_YEAR = 'max-age=15552000'
const HTTPS = /^\s*https\s*(?:,|$)/i
const PREFIX = /^(?:\/[\w.~-]*[\w~-][\w.~-]*)+$/

/**
 * What a trusted proxy tells of the client's request. `X-Forwarded-Proto: https`: the answer has `Strict-Transport-Security`, which
 * must not be believed otherwise (RFC 6797, 7.2), and which does not decide for names below this host's. `X-Forwarded-Prefix`: the
 * path that the proxy has taken off is put before a `Location`.
 */
export const behindProxy =
  (trustedProxies: Network[]): MiddlewareHandler =>
  async (c: Context, next) => {
    await next()
    // Of several schemes the first is that of the first proxy.
    if (HTTPS.test(c.req.header('x-forwarded-proto') ?? '') && isTrustedPeer(c.env?.incoming, trustedProxies))
      c.res.headers.set('Strict-Transport-Security', HALF_A_YEAR)
    const location = c.res.headers.get('location')
    if (location?.startsWith('/')) c.res.headers.set('Location', `${forwardedPrefix(c, trustedProxies)}${location}`)
  }

/** The path before ours, such as `/auth`, that a trusted proxy has taken off; else an empty one. */
export const forwardedPrefix = (c: Context, trustedProxies: Network[]): string => {
  const prefix = c.req.header('x-forwarded-prefix')?.replace(/\/$/, '') ?? ''
  return PREFIX.test(prefix) && isTrustedPeer(c.env?.incoming, trustedProxies) ? prefix : ''
}
