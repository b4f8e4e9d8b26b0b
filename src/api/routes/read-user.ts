import type { Context } from 'hono'
import { readStatus } from '../../core/registration/status.ts'
import { describeOperation } from '../answers/openapi.ts'
import type { ApiEnv, ApiTools } from '../context.ts'
import { authenticateRequest, authenticationRefusals, unauthenticated } from '../request/authenticate-request.ts'

export const readUser =
  (tools: ApiTools) =>
  async (c: Context<ApiEnv>): Promise<Response> => {
    const verified = await authenticateRequest(c, tools, { isRemembered: true })
    const user = await readStatus(tools, verified)
    if (!user) throw unauthenticated()
    return c.json(user)
  }

export const readUserDocs = describeOperation({
  operationId: 'readUser',
  summary: 'See a registration and its current code',
  success: 200,
  isProtected: true,
  problems: [...authenticationRefusals.slugs],
})
