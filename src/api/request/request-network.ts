import type { Context } from 'hono'
import { clientNetwork } from '../../core/process/http/client-network.ts'
import type { ApiEnv, ApiTools } from '../context.ts'

/** The network that limits count this request for. */
export const requestNetwork = (c: Context<ApiEnv>, tools: Pick<ApiTools, 'trustedProxies'>): string =>
  clientNetwork(c.env?.incoming, c.req.header('x-forwarded-for'), tools.trustedProxies)
