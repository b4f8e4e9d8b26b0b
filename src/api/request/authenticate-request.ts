import type { Context } from 'hono'
import { parseEmailAddress } from '../../core/credentials/email-address.ts'
import { checkAllowance } from '../../core/postgres/rate-limits.ts'
import { authenticate, type Verified } from '../../core/registration/authenticate.ts'
import { refusals } from '../answers/problems.ts'
import type { ApiEnv, ApiTools } from '../context.ts'
import { failedLogins } from '../limits/limits.ts'
import { type BasicCredentials, parseBasic } from './basic-credentials.ts'
import { requestNetwork } from './request-network.ts'
import { timesSent } from './times-sent.ts'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

export const authenticationRefusals = refusals('unauthenticated', 'too-many-requests', 'overloaded')

/** The one answer to whoever is not who he says. */
export const unauthenticated = () =>
  authenticationRefusals.refuse('unauthenticated', {
    headers: { 'WWW-Authenticate': 'Basic realm="latchkey", charset="UTF-8"' },
  })

type SignInTools = Pick<ApiTools, 'pool' | 'hasher' | 'verified' | 'limits' | 'trustedProxies'>

/**
 * The registration of the path that the Basic credentials open. Otherwise one and the same 401, after the same work;
 * without readable credentials at once, as then there is nothing to find out. With `isRemembered` who was verified
 * within the last minute is served without a hash, and without room for one.
 */
export const authenticateRequest = async (
  c: Context<ApiEnv>,
  tools: SignInTools,
  { isRemembered = false } = {},
): Promise<Verified> => {
  const basic = readBasic(c)
  if (!basic) throw unauthenticated()
  const id = c.req.param('id')?.toLowerCase() ?? ''
  const network = requestNetwork(c, tools)
  const verified = await authenticate(tools, {
    ...{ userId: UUID.test(id) ? id : null, email: parseEmailAddress(basic.userId), password: basic.password },
    ...{ network, logins: failedLogins(tools.limits, id, network), isRemembered, signal: c.req.raw.signal },
  })
  if (verified) return verified
  throw unauthenticated()
}

/** What the body of an authenticated request is read to. Its faults too are told only while failed sign-ins are left. */
export const readAuthenticated = <Body>(
  { pool }: Pick<ApiTools, 'pool'>,
  { logins }: Verified,
  read: () => Promise<Body>,
): Promise<Body> =>
  read().catch(async (fault: unknown) => {
    await checkAllowance(pool, logins)
    throw fault
  })

/** Null when there are none, two, or unreadable ones. */
export const readBasic = (c: Context<ApiEnv>): BasicCredentials | null => {
  const isAmbiguous = c.env?.incoming && timesSent(c.env.incoming, 'authorization') > 1
  return isAmbiguous ? null : parseBasic(c.req.header('authorization') ?? '')
}
