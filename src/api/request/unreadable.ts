import { Hono } from 'hono'
import type { UnreadableStatus } from '../../core/process/http/http-server.ts'
import { problemResponse } from '../answers/problems.ts'
import { protectResponses } from '../answers/security-headers.ts'
import type { ApiEnv } from '../context.ts'
import { requestIds } from './request-log.ts'

const DETAILS = {
  400: 'The request line, a header or the framing of the body cannot be read.',
  408: 'The request did not come within its time.',
  431: 'The headers are too large or too many.',
} satisfies Record<UnreadableStatus, string>

/** The answer to a request of which not even an URL can be made. */
export const answerUnreadable = (status: UnreadableStatus): Response | Promise<Response> =>
  new Hono<ApiEnv>()
    .use(requestIds, protectResponses)
    .all('*', (c) => problemResponse(c, 'malformed-request', { status, detail: DETAILS[status] }))
    .request('/')
