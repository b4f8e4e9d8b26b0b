import { type Context, Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { methodNotAllowed } from 'hono/method-not-allowed'
import { describeRoute } from 'hono-openapi'
import { handleError } from './answers/handle-error.ts'
import { problemResponse } from './answers/problems.ts'
import { protectResponses } from './answers/security-headers.ts'
import type { ApiEnv, ApiTools } from './context.ts'
import { checkProtocol } from './request/check-protocol.ts'
import { observeRequests, requestIds, traceRequests } from './request/request-log.ts'
import { activateUser, activateUserDocs } from './routes/activate-user.ts'
import { addDocs } from './routes/docs.ts'
import { addHealth } from './routes/health.ts'
import { addOpenApi } from './routes/openapi-document.ts'
import { readUser, readUserDocs } from './routes/read-user.ts'
import { registerUser, registerUserDocs } from './routes/register-user.ts'
import { sendCode, sendCodeDocs } from './routes/send-code.ts'
import { showProblem, showProblemDocs } from './routes/show-problem.ts'
import { takeProviderEvents, takeProviderEventsDocs } from './routes/take-provider-events.ts'

const MAX_BODY_BYTES = 4096
// A provider sends its events in batches.
const MAX_EVENTS_BYTES = 1024 * 1024
const EVENTS_PATH = '/v1/provider-events/'

/** What is left of the body is not read, so nothing else can come on this connection. */
const refuseLarge = (c: Context<ApiEnv>): Response =>
  problemResponse(c, 'payload-too-large', { headers: { Connection: 'close' } })

/** The whole public API. */
export const createApp = (tools: ApiTools): Hono<ApiEnv> => {
  const app = new Hono<ApiEnv>()
  app.use(requestIds)
  // Not the probes of health, which come every few seconds.
  app.use('/v1/*', traceRequests)
  app.use(observeRequests(tools), protectResponses, checkProtocol)
  app.use(
    methodNotAllowed({
      app,
      onMethodNotAllowed: (c, methods) =>
        problemResponse(c, 'method-not-allowed', { headers: { Allow: methods.join(', ') } }),
    }),
  )
  const limitBody = bodyLimit({ maxSize: MAX_BODY_BYTES, onError: refuseLarge })
  const limitEvents = bodyLimit({ maxSize: MAX_EVENTS_BYTES, onError: refuseLarge })
  app.use((c, next) => (c.req.path.startsWith(EVENTS_PATH) ? limitEvents : limitBody)(c, next))

  app.post('/v1/users', describeRoute(registerUserDocs(tools.passwordMinLength)), registerUser(tools))
  app.get('/v1/users/:id', describeRoute(readUserDocs), readUser(tools))
  app.post('/v1/users/:id/codes', describeRoute(sendCodeDocs), sendCode(tools))
  app.post('/v1/users/:id/activation', describeRoute(activateUserDocs), activateUser(tools))
  app.post(`${EVENTS_PATH}:provider`, describeRoute(takeProviderEventsDocs), takeProviderEvents(tools))
  app.get('/problems/:slug', describeRoute(showProblemDocs), showProblem)
  addHealth(app, tools.readiness)
  addOpenApi(app)
  addDocs(app)

  app.notFound((c) => problemResponse(c, 'not-found'))
  app.onError(handleError(tools.logger))
  return app
}
