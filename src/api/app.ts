import { Hono } from 'hono'
import { methodNotAllowed } from 'hono/method-not-allowed'
import { describeRoute } from 'hono-openapi'
import { behindProxy } from '../core/process/http/behind-proxy.ts'
import { handleError } from './answers/handle-error.ts'
import { problemResponse } from './answers/problems.ts'
import { protectResponses } from './answers/security-headers.ts'
import type { ApiEnv, ApiTools } from './context.ts'
import { checkProtocol } from './request/check-protocol.ts'
import { allowOrigins } from './request/cross-origin.ts'
import { delayRefusals } from './request/late-refusals.ts'
import { observeRequests, requestIds, traceRequests } from './request/request-log.ts'
import { activateUser, activateUserDocs } from './routes/activate-user.ts'
import { changePassword, changePasswordDocs } from './routes/change-password.ts'
import { deleteAccount, deleteAccountDocs } from './routes/delete-account.ts'
import { addDocs } from './routes/docs.ts'
import { addHealth } from './routes/health.ts'
import { addOpenApi } from './routes/openapi-document.ts'
import { readAccount, readAccountDocs } from './routes/read-account.ts'
import { readUser, readUserDocs } from './routes/read-user.ts'
import { registerUser, registerUserDocs } from './routes/register-user.ts'
import { sendCode, sendCodeDocs } from './routes/send-code.ts'
import { showProblem, showProblemDocs } from './routes/show-problem.ts'
import { takeProviderEvents, takeProviderEventsDocs } from './routes/take-provider-events.ts'

/** The whole public API. */
export const createApp = (tools: ApiTools): Hono<ApiEnv> => {
  const app = new Hono<ApiEnv>()
  app.use(requestIds)
  app.use('/v1/*', delayRefusals(tools))
  // Not the probes of health, which come every few seconds.
  app.use('/v1/*', traceRequests())
  app.use(
    observeRequests(tools),
    protectResponses,
    behindProxy(tools.trustedProxies),
    allowOrigins(tools.corsOrigins),
    checkProtocol,
  )
  app.use(
    methodNotAllowed({
      app,
      onMethodNotAllowed: (c, methods) =>
        problemResponse(c, 'method-not-allowed', { headers: { Allow: methods.join(', ') } }),
    }),
  )

  app.post('/v1/users', describeRoute(registerUserDocs(tools.passwordMinLength)), registerUser(tools))
  app.get('/v1/users/:id', describeRoute(readUserDocs), readUser(tools))
  app.post('/v1/users/:id/codes', describeRoute(sendCodeDocs), sendCode(tools))
  app.post('/v1/users/:id/activation', describeRoute(activateUserDocs), activateUser(tools))
  app.get('/v1/account', describeRoute(readAccountDocs), readAccount(tools))
  app.delete('/v1/account', describeRoute(deleteAccountDocs), deleteAccount(tools))
  app.put('/v1/account/password', describeRoute(changePasswordDocs(tools.passwordMinLength)), changePassword(tools))
  app.post('/v1/provider-events/:provider', describeRoute(takeProviderEventsDocs), takeProviderEvents(tools))
  app.get('/problems/:slug', describeRoute(showProblemDocs), showProblem(tools.serviceName))
  addHealth(app, tools.readiness)
  addOpenApi(app, tools)
  addDocs(app, tools.trustedProxies)

  app.notFound((c) => problemResponse(c, 'not-found'))
  app.onError(handleError(tools.logger))
  return app
}
