import type { Context } from 'hono'
import { parseEmailAddress } from '../../core/credentials/email-address.ts'
import type { VerifiedCredentials } from '../../core/credentials/verified-credentials.ts'
import { authenticate } from '../../core/registration/authenticate.ts'
import { RequestRefused } from '../answers/problems.ts'
import type { ApiEnv, ApiTools } from '../context.ts'
import { failedLogins } from '../limits/limits.ts'
import { type BasicCredentials, parseBasic } from './basic-credentials.ts'
import { requestNetwork } from './request-network.ts'
import { timesSent } from './times-sent.ts'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/** The one answer to whoever is not who he says. */
export const unauthenticated = () =>
  new RequestRefused('unauthenticated', { headers: { 'WWW-Authenticate': 'Basic realm="latchkey", charset="UTF-8"' } })

type SignInTools = Pick<ApiTools, 'pool' | 'hasher' | 'limits' | 'trustedProxies'>

/**
 * The registration of the path that the Basic credentials open. Otherwise one and the same 401, after the same work;
 * without readable credentials at once, as then there is nothing to find out. With `verified` who was verified
 * within the last minute is served without a hash, and without room for one.
 */
export const authenticateRequest = async (c: Context<ApiEnv>, tools: SignInTools, verified?: VerifiedCredentials) => {
  const basic = readBasic(c)
  if (!basic) throw unauthenticated()
  const id = c.req.param('id')?.toLowerCase() ?? ''
  const network = requestNetwork(c, tools)
  const logins = failedLogins(id, network)
  // Before the first statement: in a flood the refusal must cost next to nothing.
  if (!verified?.holds(`${id} ${network}`, basic.password)) tools.hasher.checkRoom('sign-in')
  await tools.limits.check(...logins)
  const claim = { userId: UUID.test(id) ? id : null, email: parseEmailAddress(basic.userId), password: basic.password }
  const user = await authenticate(tools, claim, c.req.raw.signal, verified && { verified, network })
  // Past the budget a right password and a wrong one get the same answer, however many were tried at once.
  await (user ? tools.limits.check(...logins) : tools.limits.spend(...logins))
  if (user) return user
  throw unauthenticated()
}

/** Null when there are none, two, or unreadable ones. */
export const readBasic = (c: Context<ApiEnv>): BasicCredentials | null => {
  const isAmbiguous = c.env?.incoming && timesSent(c.env.incoming, 'authorization') > 1
  return isAmbiguous ? null : parseBasic(c.req.header('authorization') ?? '')
}
