import type { MiddlewareHandler } from 'hono'
import { cors } from 'hono/cors'
import { createMiddleware } from 'hono/factory'
import type { ApiEnv } from '../context.ts'

const FOR_PROVIDERS = '/v1/provider-events/'

const MAX_AGE_SECONDS = 600

/** Lets pages of these origins call the API and read what its answers tell in headers; none of it without origins. */
export const allowOrigins = (origins: string[]): MiddlewareHandler<ApiEnv> => {
  const allow = cors({
    origin: origins,
    allowMethods: ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'],
    allowHeaders: ['Authorization', 'Content-Type', 'Idempotency-Key', 'X-Request-Id', 'Accept-Language'],
    exposeHeaders: ['Location', 'Retry-After', 'RateLimit', 'RateLimit-Policy', 'X-Request-Id'],
    maxAge: MAX_AGE_SECONDS,
  })
  return createMiddleware<ApiEnv>(async (c, next) => {
    if (origins.length === 0 || c.req.path.startsWith(FOR_PROVIDERS)) return next()
    const isAllowed = origins.includes(c.req.header('origin') ?? '')
    const isUseful = c.req.method !== 'OPTIONS' || c.req.header('access-control-request-method') !== undefined
    if (isAllowed && isUseful) return allow(c, next)
    await next()
    // A cache must not give this answer to a page of an origin that is allowed.
    c.header('Vary', 'Origin', { append: true })
  })
}
