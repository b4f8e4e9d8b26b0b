import type { Context } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { HashingOverloaded } from '../../core/credentials/hashing-queue.ts'
import { isDatabaseUnavailable } from '../../core/postgres/connection/unavailable.ts'
import type { Logger } from '../../core/process/logger.ts'
import type { ApiEnv } from '../context.ts'
import { problemResponse, RequestRefused } from './problems.ts'

const RETRY_AFTER_SECONDS = '2'

/** What becomes of everything that a handler throws. The client learns no more than the kind of the fault. */
export const handleError =
  (logger: Logger) =>
  (err: Error, c: Context<ApiEnv>): Response => {
    const requestId = c.get('requestId')
    if (err instanceof RequestRefused) return problemResponse(c, err.slug, err.details)
    if (err instanceof HashingOverloaded)
      return problemResponse(c, 'overloaded', { headers: { 'Retry-After': RETRY_AFTER_SECONDS } })
    if (err instanceof HTTPException && err.status < 500) return problemResponse(c, 'malformed-request')
    if (c.req.raw.signal.aborted) {
      logger.debug({ requestId }, 'client disconnected: its request was dropped')
      return problemResponse(c, 'unavailable', { headers: { 'Retry-After': RETRY_AFTER_SECONDS } })
    }
    if (isDatabaseUnavailable(err)) {
      logger.debug({ err, requestId }, 'request refused: PostgreSQL is unavailable')
      return problemResponse(c, 'unavailable', { headers: { 'Retry-After': RETRY_AFTER_SECONDS } })
    }
    logger.error({ err, requestId }, 'request failed: internal error')
    return problemResponse(c, 'internal')
  }
