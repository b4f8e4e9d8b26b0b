import type { Context } from 'hono'
import { describeOperation } from '../answers/openapi.ts'
import type { ApiEnv, ApiTools } from '../context.ts'
import { authenticationRefusals } from '../request/authenticate-request.ts'
import { checkSignInRequest } from '../request/sign-in-request.ts'

export const readAccount =
  (tools: ApiTools) =>
  async (c: Context<ApiEnv>): Promise<Response> =>
    c.json(await checkSignInRequest(c, tools))

export const readAccountDocs = describeOperation({
  operationId: 'readAccount',
  summary: 'Check a sign-in by address and password',
  description:
    'Only an active account answers. An unknown address, one that is only pending and a wrong password are one 401.',
  success: 200,
  security: 'account',
  problems: [...authenticationRefusals.slugs],
})
