import type { Context } from 'hono'
import { mailboxOf } from '../../core/credentials/email-address.ts'
import type { Tx } from '../../core/postgres/pool.ts'
import { resendCode } from '../../core/registration/resend-code.ts'
import { describeOperation } from '../answers/openapi.ts'
import { RequestRefused } from '../answers/problems.ts'
import type { ApiEnv, ApiTools } from '../context.ts'
import { mailsOf, tooEarly } from '../limits/limits.ts'
import { authenticateRequest, unauthenticated } from '../request/authenticate-request.ts'
import { requestNetwork } from '../request/request-network.ts'

export const sendCode =
  (tools: ApiTools) =>
  async (c: Context<ApiEnv>): Promise<Response> => {
    const { id, email } = await authenticateRequest(c, tools)
    const mails = mailsOf(mailboxOf(email), requestNetwork(c, tools))
    const spendMail = async (tx: Tx) => void (await tools.limits.within(tx).spend(...mails))
    const resent = await resendCode(tools, { userId: id, requestId: c.get('requestId') }, spendMail)
    if (resent === 'gone') throw unauthenticated()
    if (resent === 'already-active') throw new RequestRefused(resent)
    if ('waitSeconds' in resent) throw tooEarly('resend', resent.waitSeconds, tools.policy.resendCooldownSeconds)
    return c.json(resent.user, 202)
  }

export const sendCodeDocs = describeOperation({
  operationId: 'sendCode',
  summary: 'Mail a new code',
  description: 'The former code is dead from then on. While the former mail still waits to leave, nothing new is sent.',
  success: 202,
  isProtected: true,
  problems: [
    'unauthenticated',
    'payload-too-large',
    'already-active',
    'too-many-requests',
    'internal',
    'overloaded',
    'unavailable',
  ],
})
