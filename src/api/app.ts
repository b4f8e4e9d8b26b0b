import type { HttpBindings } from '@hono/node-server'
import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { methodNotAllowed } from 'hono/method-not-allowed'
import { describeRoute } from 'hono-openapi'
import type { Histogram } from 'prom-client'
import type { Logger } from '../core/logger.ts'
import { createHealthApp, type Readiness } from '../core/ops-app.ts'
import type { Pool } from '../core/postgres/pool.ts'
import type { Keyring } from '../core/registration/keyring.ts'
import type { PasswordHasher } from '../core/registration/password.ts'
import type { RegistrationPolicy } from '../core/registration/policy.ts'
import type { Net } from './config.ts'
import { handleError } from './handle-error.ts'
import type { Limits } from './limits.ts'
import { addOpenApi } from './openapi.ts'
import { problemResponse } from './problems.ts'
import { observeRequests, requestIds } from './request-log.ts'
import { activateUser, activateUserDocs } from './routes/activate-user.ts'
import { addDocs } from './routes/docs.ts'
import { readUser, readUserDocs } from './routes/read-user.ts'
import { registerUser, registerUserDocs } from './routes/register-user.ts'
import { sendCode, sendCodeDocs } from './routes/send-code.ts'
import { showProblem, showProblemDocs } from './routes/show-problem.ts'
import { protectResponses } from './security-headers.ts'

export type ApiTools = {
  pool: Pool
  hasher: PasswordHasher
  keyring: Keyring
  policy: RegistrationPolicy
  limits: Limits
  passwordMinLength: number
  trustedProxies: Net[]
  readiness: Readiness
  requestSeconds: Histogram<'route' | 'method' | 'status'>
  logger: Logger
}

export type ApiEnv = { Bindings: HttpBindings; Variables: { requestId: string } }

const MAX_BODY_BYTES = 4096

/** The whole public API. */
export const createApp = (tools: ApiTools): Hono<ApiEnv> => {
  const app = new Hono<ApiEnv>()
  app.use(requestIds, observeRequests(tools), protectResponses)
  app.use(
    methodNotAllowed({
      app,
      onMethodNotAllowed: (c, methods) =>
        problemResponse(c, 'method-not-allowed', { headers: { Allow: methods.join(', ') } }),
    }),
  )
  app.use(bodyLimit({ maxSize: MAX_BODY_BYTES, onError: (c) => problemResponse(c, 'payload-too-large') }))

  app.post('/v1/users', describeRoute(registerUserDocs(tools.passwordMinLength)), registerUser(tools))
  app.get('/v1/users/:id', describeRoute(readUserDocs), readUser(tools))
  app.post('/v1/users/:id/codes', describeRoute(sendCodeDocs), sendCode(tools))
  app.post('/v1/users/:id/activation', describeRoute(activateUserDocs), activateUser(tools))
  app.get('/problems/:slug', describeRoute(showProblemDocs), showProblem)
  app.route('/', createHealthApp(tools.readiness))
  addOpenApi(app)
  addDocs(app)

  app.notFound((c) => problemResponse(c, 'not-found'))
  app.onError(handleError(tools.logger))
  return app
}
