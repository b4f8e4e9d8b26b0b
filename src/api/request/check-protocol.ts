import type { IncomingMessage } from 'node:http'
import { createMiddleware } from 'hono/factory'
import { problemResponse } from '../answers/problems.ts'
import type { ApiEnv } from '../context.ts'
import { timesSent } from './times-sent.ts'

type Refusal = { status: 400 | 417 | 501 | 505; detail: string }

/** Refuses what a proxy before us may read otherwise than we do, and what is demanded of a server and not offered here. */
export const checkProtocol = createMiddleware<ApiEnv>(async (c, next) => {
  const refusal = c.env?.incoming ? refusalOf(c.env.incoming) : null
  if (!refusal) return next()
  return problemResponse(c, 'malformed-request', { ...refusal, headers: { Connection: 'close' } })
})

/** RFC 9110, 4.2.4 and 10.1.1; RFC 9112, 2.3, 3.2 and 6.1. */
const refusalOf = (incoming: IncomingMessage): Refusal | null => {
  const { httpVersion, headers } = incoming
  if (httpVersion === '0.9' || httpVersion === '2.0')
    return { status: 505, detail: 'Only HTTP/1.1 and 1.0 are spoken here.' }
  const hosts = timesSent(incoming, 'host')
  const isHostless = !headers.host && (hosts > 0 || httpVersion === '1.1')
  if (hosts > 1 || isHostless) return { status: 400, detail: 'A request has one Host header.' }
  const target = URL.parse(incoming.url ?? '')
  if (target?.username || target?.password) return { status: 400, detail: 'A target has no credentials.' }
  if ((headers['transfer-encoding'] ?? 'chunked').toLowerCase() !== 'chunked')
    return { status: 501, detail: 'The only transfer coding is chunked.' }
  if ((headers.expect ?? '100-continue').toLowerCase() !== '100-continue')
    return { status: 417, detail: 'The only expectation that is met is 100-continue.' }
  return null
}
