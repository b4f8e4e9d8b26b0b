import { Hono } from 'hono'
import type { ApiEnv } from './context.ts'
import { problemResponse } from './problems.ts'
import { requestIds } from './request-log.ts'
import { protectResponses } from './security-headers.ts'

const app = new Hono<ApiEnv>().use(requestIds, protectResponses)
app.all('*', (c) =>
  problemResponse(c, 'malformed-request', { detail: 'The request line or the Host header cannot be read.' }),
)

/** The answer to a request of which not even an URL can be made. */
export const answerUnreadable = (): Response | Promise<Response> => app.request('/')
