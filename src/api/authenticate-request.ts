import type { Context } from 'hono'
import { authenticate } from '../core/registration/authenticate.ts'
import { parseEmailAddress } from '../core/registration/email-address.ts'
import type { ApiEnv, ApiTools } from './context.ts'
import { failedLogins } from './limits.ts'
import { RequestRefused } from './problems.ts'
import { requestNet } from './request-net.ts'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
const BASIC = /^basic +([a-z0-9+/]+={0,2}) *$/i
const CONTROL = /\p{Cc}/u

/** The one answer to whoever is not who he says. */
export const unauthenticated = () =>
  new RequestRefused('unauthenticated', { headers: { 'WWW-Authenticate': 'Basic realm="latchkey", charset="UTF-8"' } })

type SignInTools = Pick<ApiTools, 'pool' | 'hasher' | 'limits' | 'trustedProxies'>

/**
 * The registration of the path that the Basic credentials open. Otherwise one and the same 401, after the same work;
 * without readable credentials at once, as then there is nothing to find out.
 */
export const authenticateRequest = async (c: Context<ApiEnv>, tools: SignInTools) => {
  const basic = parseBasic(c)
  if (!basic) throw unauthenticated()
  const id = c.req.param('id')?.toLowerCase() ?? ''
  const logins = failedLogins(id, requestNet(c, tools))
  // Before the first statement: in a flood the refusal must cost next to nothing.
  tools.hasher.checkRoom('sign-in')
  await tools.limits.check(...logins)
  const claim = { userId: UUID.test(id) ? id : null, email: parseEmailAddress(basic.userId), password: basic.password }
  const user = await authenticate(tools, claim, c.req.raw.signal)
  // Past the budget a right password and a wrong one get the same answer, however many were tried at once.
  await (user ? tools.limits.check(...logins) : tools.limits.spend(...logins))
  if (user) return user
  throw unauthenticated()
}

/** The credentials of RFC 7617 in UTF-8; null when there are none, two, or unreadable ones. */
const parseBasic = (c: Context<ApiEnv>): { userId: string; password: string } | null => {
  const headers =
    c.env?.incoming?.rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === 'authorization') ?? []
  const [, token] = BASIC.exec(c.req.header('authorization') ?? '') ?? []
  const pair = headers.length > 1 || token === undefined ? null : decode(token)
  const colon = pair?.indexOf(':') ?? -1
  if (pair === null || colon < 0 || CONTROL.test(pair)) return null
  return { userId: pair.slice(0, colon), password: pair.slice(colon + 1) }
}

const decode = (token: string): string | null => {
  const bytes = Buffer.from(token, 'base64')
  // What Node.js reads over (bits or letters too many) is no Base64 to others.
  if (bytes.toString('base64').replace(/=+$/, '') !== token.replace(/=+$/, '')) return null
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return null
  }
}
