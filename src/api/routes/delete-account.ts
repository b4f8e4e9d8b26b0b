import type { Context } from 'hono'
import { deleteAccount as remove } from '../../core/account/delete-account.ts'
import { describeOperation } from '../answers/openapi.ts'
import type { ApiEnv, ApiTools } from '../context.ts'
import { authenticationRefusals, unauthenticated } from '../request/authenticate-request.ts'
import { signInRequest } from '../request/sign-in-request.ts'

export const deleteAccount =
  (tools: ApiTools) =>
  async (c: Context<ApiEnv>): Promise<Response> => {
    const account = await signInRequest(c, tools)
    if ((await remove(tools, account)) === 'gone') throw unauthenticated()
    return c.body(null, 204)
  }

export const deleteAccountDocs = describeOperation({
  operationId: 'deleteAccount',
  summary: 'Delete an account and all that is stored about it',
  description:
    'Mails that wait are not sent. The address is free again; its other registrations stay, and can be activated again.',
  success: 204,
  security: 'account',
  problems: [...authenticationRefusals.slugs, 'payload-too-large'],
})
