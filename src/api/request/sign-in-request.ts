import type { Context } from 'hono'
import { checkSignIn, type SignIn, signIn } from '../../core/account/sign-in.ts'
import { parseEmailAddress } from '../../core/credentials/email-address.ts'
import type { Credentials } from '../../core/postgres/users.ts'
import type { User } from '../../core/registration/status.ts'
import type { ApiEnv, ApiTools } from '../context.ts'
import { failedSignIns } from '../limits/limits.ts'
import { readBasic, unauthenticated } from './authenticate-request.ts'
import { requestNetwork } from './request-network.ts'

/**
 * The account that the Basic credentials open. Otherwise one and the same 401, after the same work; without readable credentials at
 * once, as then there is nothing to find out.
 */
export const signInRequest = async (c: Context<ApiEnv>, tools: ApiTools): Promise<Credentials> =>
  counted(tools, await signIn(tools, readClaim(c, tools)))

/** The same, and how the account stands: the sign-in check. */
export const checkSignInRequest = async (c: Context<ApiEnv>, tools: ApiTools): Promise<User> =>
  counted(tools, await checkSignIn(tools, readClaim(c, tools)))

const readClaim = (c: Context<ApiEnv>, tools: ApiTools): SignIn => {
  const basic = readBasic(c)
  if (!basic) throw unauthenticated()
  const network = requestNetwork(c, tools)
  const email = parseEmailAddress(basic.userId)
  const logins = failedSignIns(tools.limits, email ?? basic.userId, network)
  return { email, password: basic.password, network, logins, signal: c.req.raw.signal }
}

const counted = <Account>({ metrics }: ApiTools, account: Account | null): Account => {
  metrics.signIns.inc({ outcome: account ? 'right' : 'wrong' })
  if (account) return account
  throw unauthenticated()
}
