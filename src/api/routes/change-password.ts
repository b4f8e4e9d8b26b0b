import type { Context } from 'hono'
import { changePassword as change } from '../../core/account/change-password.ts'
import { describeOperation } from '../answers/openapi.ts'
import { passwordSchema } from '../answers/schemas.ts'
import type { ApiEnv, ApiTools } from '../context.ts'
import { authenticationRefusals, unauthenticated } from '../request/authenticate-request.ts'
import { bodyRefusals, checkMediaType, readBody } from '../request/read-body.ts'
import { signInRequest } from '../request/sign-in-request.ts'

export const changePassword =
  (tools: ApiTools) =>
  async (c: Context<ApiEnv>): Promise<Response> => {
    const account = await signInRequest(c, tools)
    checkMediaType(c)
    const { password } = await readBody(c, passwordSchema(tools.passwordMinLength, account.email))
    const changed = await change(tools, { account, password, signal: c.req.raw.signal })
    if (changed === 'gone') throw unauthenticated()
    return c.body(null, 204)
  }

export const changePasswordDocs = (passwordMinLength: number) =>
  describeOperation({
    operationId: 'changePassword',
    summary: 'Change the password of an account',
    description: 'The old one stops working at that moment.',
    body: passwordSchema(passwordMinLength, null),
    success: 204,
    security: 'account',
    problems: [...bodyRefusals.slugs, ...authenticationRefusals.slugs],
  })
