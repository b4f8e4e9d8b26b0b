import type { Context } from 'hono'
import { signIn } from '../../core/account/sign-in.ts'
import { parseEmailAddress } from '../../core/credentials/email-address.ts'
import type { VerifiedCredentials } from '../../core/credentials/verified-credentials.ts'
import type { Credentials } from '../../core/postgres/users.ts'
import type { ApiEnv, ApiTools } from '../context.ts'
import type { Subject } from '../limits/limits.ts'
import { readBasic, unauthenticated } from './authenticate-request.ts'
import { requestNetwork } from './request-network.ts'

/**
 * The account that the Basic credentials open. Otherwise one and the same 401, after the same work; without readable credentials at
 * once, as then there is nothing to find out.
 */
export const signInRequest = async (
  c: Context<ApiEnv>,
  tools: ApiTools,
  verified?: VerifiedCredentials,
): Promise<Credentials> => {
  const basic = readBasic(c)
  if (!basic) throw unauthenticated()
  const network = requestNetwork(c, tools)
  const email = parseEmailAddress(basic.userId)
  const address = email ?? basic.userId
  const here: Subject[] = [
    ['failed-logins-per-user', `${address} ${network}`],
    ['failed-logins-per-net', network],
  ]
  const everywhere: Subject[] = [['failed-logins-per-address', address]]
  const subjects = (isKnownNetwork: boolean) => (isKnownNetwork ? here : [...here, ...everywhere])
  // Before the first statement: in a flood the refusal must cost next to nothing.
  if (!verified?.holds(`${email} ${network}`, basic.password)) tools.hasher.checkRoom('sign-in')
  const account = await signIn(
    tools,
    { email, password: basic.password, network, signal: c.req.raw.signal },
    {
      check: (isKnownNetwork) => tools.limits.check(...subjects(isKnownNetwork)),
      spend: async (isKnownNetwork) => void (await tools.limits.spend(...subjects(isKnownNetwork))),
    },
    verified,
  )
  tools.metrics.signIns.inc({ outcome: account ? 'right' : 'wrong' })
  if (account) return account
  throw unauthenticated()
}
