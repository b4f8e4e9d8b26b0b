import type { Context } from 'hono'
import { readStatus } from '../../core/registration/status.ts'
import { describeOperation } from '../answers/openapi.ts'
import type { ApiEnv, ApiTools } from '../context.ts'
import { unauthenticated } from '../request/authenticate-request.ts'
import { signInRequest } from '../request/sign-in-request.ts'

export const readAccount =
  (tools: ApiTools) =>
  async (c: Context<ApiEnv>): Promise<Response> => {
    const { id } = await signInRequest(c, tools, tools.verified)
    const user = await readStatus(tools, id)
    if (!user) throw unauthenticated()
    return c.json(user)
  }

export const readAccountDocs = describeOperation({
  operationId: 'readAccount',
  summary: 'Check a sign-in by address and password',
  description:
    'Only an active account answers. An unknown address, one that is only pending and a wrong password are one 401.',
  success: 200,
  security: 'account',
  problems: ['unauthenticated', 'too-many-requests', 'internal', 'overloaded', 'unavailable'],
})
