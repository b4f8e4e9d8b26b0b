import type { Context } from 'hono'
import { clientNet } from '../core/client-address.ts'
import type { ApiEnv, ApiTools } from './context.ts'

/** The network that limits count this request for. */
export const requestNet = (c: Context<ApiEnv>, tools: Pick<ApiTools, 'trustedProxies'>): string =>
  clientNet(c.env?.incoming, c.req.header('x-forwarded-for'), tools.trustedProxies)
