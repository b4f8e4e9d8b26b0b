import type { Context } from 'hono'
import { type Activated, activate, activationRefusals } from '../../core/registration/activate.ts'
import { describeOperation } from '../answers/openapi.ts'
import { refusals } from '../answers/problems.ts'
import { activationSchema } from '../answers/schemas.ts'
import type { ApiEnv, ApiTools } from '../context.ts'
import {
  authenticateRequest,
  authenticationRefusals,
  readAuthenticated,
  unauthenticated,
} from '../request/authenticate-request.ts'
import { bodyRefusals, checkMediaType, readBody } from '../request/read-body.ts'
import { requestNetwork } from '../request/request-network.ts'

const { refuse, slugs } = refusals(...activationRefusals)

export const activateUser =
  (tools: ApiTools) =>
  async (c: Context<ApiEnv>): Promise<Response> => {
    const wrongCodes = tools.limits.of(['wrong-codes-per-net', requestNetwork(c, tools)])
    const verified = await authenticateRequest(c, tools)
    const { code: typed } = await readAuthenticated(tools, verified, async () => {
      checkMediaType(c)
      return readBody(c, activationSchema)
    })
    const { activated, active } = await activate(tools, { ...verified, typed, wrongCodes })
    tools.metrics.noteActivation(activated)
    endUnlessActive(activated)
    if (!active) throw unauthenticated()
    if (active.typedAfterSeconds !== null) tools.metrics.typingSeconds.observe(active.typedAfterSeconds)
    return c.json(active.user)
  }

/** Ends the request unless the registration is active. */
const endUnlessActive = (activated: Activated): void => {
  if (activated === 'activated' || activated === 'already-active') return
  if (activated === 'gone') throw unauthenticated()
  if (typeof activated === 'object')
    throw refuse(activated.refusal, { members: { attemptsLeft: activated.attemptsLeft } })
  throw refuse(activated)
}

export const activateUserDocs = describeOperation({
  operationId: 'activateUser',
  summary: 'Activate a registration with the code from the mail',
  description: 'Repeating it after success is harmless and answers 200 again.',
  body: activationSchema,
  success: 200,
  isProtected: true,
  problems: [...bodyRefusals.slugs, ...authenticationRefusals.slugs, ...slugs],
})
