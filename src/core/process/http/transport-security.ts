import type { Context, MiddlewareHandler } from 'hono'
import { cameByHttps, type Network } from './client-network.ts'

const HALF_A_YEAR = 'max-age=15552000'

/**
 * `Strict-Transport-Security` where a trusted proxy says that the request came by HTTPS: browsers must not believe it otherwise
 * (RFC 6797, 7.2), and other names below this host's are not ours to decide.
 */
export const transportSecurity =
  (trustedProxies: Network[]): MiddlewareHandler =>
  async (c: Context, next) => {
    await next()
    if (cameByHttps(c.env?.incoming, c.req.header('x-forwarded-proto'), trustedProxies))
      c.header('Strict-Transport-Security', HALF_A_YEAR)
  }
