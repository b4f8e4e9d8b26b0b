import type { IncomingHttpHeaders } from 'node:http'
import { Hono } from 'hono'
import type { UnreadableStatus } from '../../core/process/http/http-server.ts'
import { problemResponse } from '../answers/problems.ts'
import { protectResponses } from '../answers/security-headers.ts'
import type { ApiEnv } from '../context.ts'
import { requestIds } from './request-log.ts'

const DETAILS = {
  400: 'The request line, a header or the framing of the body cannot be read in one way only.',
  408: 'The request did not come within its time.',
  431: 'The headers are too large or too many.',
} satisfies Record<UnreadableStatus, string>

/** The answer to a request of which no URL can be made, or several. */
export const answerUnreadable = (
  status: UnreadableStatus,
  headers: IncomingHttpHeaders,
): Response | Promise<Response> =>
  new Hono<ApiEnv>()
    .use(requestIds, protectResponses)
    .all('*', (c) => problemResponse(c, 'malformed-request', { status, detail: DETAILS[status] }))
    .request('/', { headers: idsOf(headers) })

const idsOf = (headers: IncomingHttpHeaders): [string, string][] =>
  ['x-request-id', 'x-correlation-id'].flatMap((name) => {
    const value = headers[name]
    return typeof value === 'string' ? [[name, value]] : []
  })
