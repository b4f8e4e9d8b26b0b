import { randomUUID } from 'node:crypto'
import type { Context } from 'hono'
import { createMiddleware } from 'hono/factory'
import { routePath } from 'hono/route'
import { callersTrace, failSpan, inSpan } from '../../core/process/telemetry/tracing.ts'
import { RequestRefused } from '../answers/problems.ts'
import type { ApiEnv, ApiTools } from '../context.ts'

const REQUEST_ID = /^[\w.-]{1,64}$/

/** Takes the caller's request id when it is harmless, makes one otherwise, and sends it back. */
export const requestIds = createMiddleware<ApiEnv>(async (c, next) => {
  const given = [c.req.header('x-request-id'), c.req.header('x-correlation-id')].find(
    (id) => id !== undefined && REQUEST_ID.test(id),
  )
  const requestId = given ?? randomUUID()
  c.set('requestId', requestId)
  await next()
  c.res.headers.set('X-Request-Id', requestId)
})

/** The request's part of a trace, which goes on with the caller's; everything that follows is inside. */
export const traceRequests = (within: typeof inSpan = inSpan) =>
  createMiddleware<ApiEnv>((c, next) => {
    const route = routePath(c, -1)
    const method = METHODS.has(c.req.method) ? c.req.method : '_OTHER'
    const attributes = {
      'http.request.method': method,
      'http.route': route,
      'latchkey.request_id': c.get('requestId'),
    }
    const parent = callersTrace(c.req.header('traceparent'))
    return within(`${method} ${route}`, { kind: 'server', attributes, parent }, async (span) => {
      await next()
      const status = statusOf(c)
      span.setAttribute('http.response.status_code', status)
      if (status >= 500) failSpan(span, String(status))
    })
  })

/** One log line and one observation for each request: the route's pattern, never the path or a header. */
export const observeRequests = ({ logger, metrics }: Pick<ApiTools, 'logger' | 'metrics'>) =>
  createMiddleware<ApiEnv>(async (c, next) => {
    const begun = performance.now()
    await next()
    const durationMs = performance.now() - begun
    const route = routePath(c, -1)
    const { method } = c.req
    const status = statusOf(c)
    metrics.requestSeconds.observe({ route, method: METHODS.has(method) ? method : 'other', status }, durationMs / 1000)
    const limit = c.error instanceof RequestRefused ? c.error.details.limit : undefined
    if (limit !== undefined) metrics.limitRefusals.inc({ policy: limit })
    logger.info(
      { requestId: c.get('requestId'), method, route, status, durationMs: Math.round(durationMs) },
      'request answered',
    )
  })

// Nobody was told 503 when the client had hung up, and no operator shall be woken for it; 499 is what others write then.
const statusOf = ({ res, req }: Context<ApiEnv>): number =>
  res.status === 503 && req.raw.signal.aborted ? CLIENT_GONE : res.status

const CLIENT_GONE = 499

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
