import type { Context } from 'hono'
import { mailboxOf } from '../../core/credentials/email-address.ts'
import { resendCode, resendRefusals } from '../../core/registration/resend-code.ts'
import { describeOperation } from '../answers/openapi.ts'
import { refusals } from '../answers/problems.ts'
import type { ApiEnv, ApiTools } from '../context.ts'
import { mailsOf, tooEarly } from '../limits/limits.ts'
import { authenticateRequest, authenticationRefusals, unauthenticated } from '../request/authenticate-request.ts'
import { requestNetwork } from '../request/request-network.ts'

const { refuse, slugs } = refusals(...resendRefusals)

export const sendCode =
  (tools: ApiTools) =>
  async (c: Context<ApiEnv>): Promise<Response> => {
    const verified = await authenticateRequest(c, tools)
    const mails = tools.limits.of(...mailsOf(mailboxOf(verified.user.email), requestNetwork(c, tools)))
    const resent = await resendCode(tools, { ...verified, mails, requestId: c.get('requestId') })
    if (resent === 'gone') throw unauthenticated()
    if (resent === 'already-active') throw refuse(resent)
    if ('waitSeconds' in resent) throw tooEarly('resend', resent.waitSeconds, tools.policy.resendCooldownSeconds)
    return c.json(resent.user, 202)
  }

export const sendCodeDocs = describeOperation({
  operationId: 'sendCode',
  summary: 'Mail a new code',
  description: 'The former code is dead from then on. While the former mail still waits to leave, nothing new is sent.',
  success: 202,
  isProtected: true,
  problems: [...authenticationRefusals.slugs, 'payload-too-large', ...slugs],
})
