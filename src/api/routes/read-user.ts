import type { Context } from 'hono'
import { readStatus } from '../../core/registration/status.ts'
import { describeOperation } from '../answers/openapi.ts'
import type { ApiEnv, ApiTools } from '../context.ts'
import { authenticateRequest, unauthenticated } from '../request/authenticate-request.ts'

export const readUser =
  (tools: ApiTools) =>
  async (c: Context<ApiEnv>): Promise<Response> => {
    const { id } = await authenticateRequest(c, tools, tools.verified)
    const user = await readStatus(tools, id)
    if (!user) throw unauthenticated()
    return c.json(user)
  }

export const readUserDocs = describeOperation({
  operationId: 'readUser',
  summary: 'See a registration and its current code',
  success: 200,
  isProtected: true,
  problems: ['unauthenticated', 'too-many-requests', 'internal', 'overloaded', 'unavailable'],
})
