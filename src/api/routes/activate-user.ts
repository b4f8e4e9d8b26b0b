import type { Context } from 'hono'
import { type Activated, activate } from '../../core/registration/activate.ts'
import { describeOperation } from '../answers/openapi.ts'
import { RequestRefused } from '../answers/problems.ts'
import { activationSchema } from '../answers/schemas.ts'
import type { ApiEnv, ApiTools } from '../context.ts'
import { authenticateRequest, unauthenticated } from '../request/authenticate-request.ts'
import { checkMediaType, readBody } from '../request/read-body.ts'
import { requestNetwork } from '../request/request-network.ts'

export const activateUser =
  (tools: ApiTools) =>
  async (c: Context<ApiEnv>): Promise<Response> => {
    const wrongCodes = ['wrong-codes-per-net', requestNetwork(c, tools)] as const
    const user = await authenticateRequest(c, tools)
    checkMediaType(c)
    const { code } = await readBody(c, activationSchema)
    const { activated, active } = await activate(tools, user, code, {
      check: (tx) => tools.limits.within(tx).check(wrongCodes),
      spend: async (tx) => void (await tools.limits.within(tx).spend(wrongCodes)),
    })
    tools.metrics.noteActivation(activated)
    refuse(activated)
    if (!active) throw unauthenticated()
    if (activated === 'activated' && active.typedAfterSeconds !== null)
      tools.metrics.typingSeconds.observe(active.typedAfterSeconds)
    return c.json(active.user)
  }

/** Ends the request unless the registration is active. */
const refuse = (activated: Activated): void => {
  if (activated === 'activated' || activated === 'already-active') return
  if (activated === 'gone') throw unauthenticated()
  if (typeof activated === 'object')
    throw new RequestRefused(activated.refusal, { members: { attemptsLeft: activated.attemptsLeft } })
  throw new RequestRefused(activated)
}

export const activateUserDocs = describeOperation({
  operationId: 'activateUser',
  summary: 'Activate a registration with the code from the mail',
  description: 'Repeating it after success is harmless and answers 200 again.',
  body: activationSchema,
  success: 200,
  isProtected: true,
  problems: [
    'malformed-request',
    'code-incorrect',
    'unauthenticated',
    'code-not-sent',
    'code-expired',
    'code-exhausted',
    'payload-too-large',
    'unsupported-media-type',
    'invalid-input',
    'too-many-requests',
    'internal',
    'overloaded',
    'unavailable',
  ],
})
