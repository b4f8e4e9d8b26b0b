import { Hono } from 'hono'
import { expect, test } from 'vitest'
import type { ApiEnv } from '../../../src/api/context.ts'
import { checkProtocol } from '../../../src/api/request/check-protocol.ts'
import { requestIds } from '../../../src/api/request/request-log.ts'
import { readProblem } from '../../support/answers.ts'

const app = new Hono<ApiEnv>().use(requestIds, checkProtocol).all('*', (c) => c.text('taken'))

/** A request as Node.js read it: its headers as they were sent, and as it shows them. */
const incoming = (changes: object = {}, ...sent: string[]) => {
  const rawHeaders = sent.length > 0 ? sent : ['Host', 'latchkey']
  const headers: Record<string, string> = {}
  for (let at = 0; at < rawHeaders.length; at += 2)
    headers[rawHeaders[at]?.toLowerCase() ?? ''] ??= rawHeaders[at + 1] ?? ''
  return { incoming: { httpVersion: '1.1', url: '/livez', headers, rawHeaders, ...changes } }
}

test.each([
  { what: 'one that comes from no connection', env: undefined },
  { what: 'one of a connection that is not told', env: {} },
  { what: 'a plain one', env: incoming() },
  { what: 'a Host in capitals', env: incoming({}, 'HOST', 'latchkey') },
  { what: 'a header that is only worth a Host', env: incoming({}, 'X-Name', 'Host', 'Host', 'latchkey') },
  { what: 'HTTP/1.0 without a Host', env: incoming({ httpVersion: '1.0', headers: {}, rawHeaders: [] }) },
  { what: 'a whole URL', env: incoming({ url: 'http://latchkey/livez' }) },
  { what: 'chunks', env: incoming({}, 'Host', 'a', 'Transfer-Encoding', 'Chunked') },
  { what: 'an expectation that is met', env: incoming({}, 'Host', 'a', 'Expect', '100-Continue') },
])('$what is taken', async ({ env }) => {
  const answer = await app.request('/livez', {}, env)
  expect([answer.status, await answer.text()]).toEqual([200, 'taken'])
})

const VERSIONS = 'Only HTTP/1.1 and 1.0 are spoken here.'
const HOSTS = 'A request has one Host header.'
const TARGETS = 'A target has no credentials.'

test.each([
  { what: 'HTTP/0.9', status: 505, detail: VERSIONS, env: incoming({ httpVersion: '0.9' }) },
  { what: 'HTTP/2.0', status: 505, detail: VERSIONS, env: incoming({ httpVersion: '2.0' }) },
  { what: 'no Host', status: 400, detail: HOSTS, env: incoming({}, 'Accept', '*/*') },
  { what: 'an empty Host', status: 400, detail: HOSTS, env: incoming({}, 'Host', '') },
  { what: 'an empty Host in HTTP/1.0', status: 400, detail: HOSTS, env: incoming({ httpVersion: '1.0' }, 'Host', '') },
  { what: 'two Hosts', status: 400, detail: HOSTS, env: incoming({}, 'Host', 'a', 'host', 'a') },
  { what: 'a name in the target', status: 400, detail: TARGETS, env: incoming({ url: 'http://name@latchkey/livez' }) },
  { what: 'a password in the target', status: 400, detail: TARGETS, env: incoming({ url: 'http://:word@latchkey/' }) },
  {
    what: 'a transfer coding',
    status: 501,
    detail: 'The only transfer coding is chunked.',
    env: incoming({}, 'Host', 'a', 'Transfer-Encoding', 'gzip, chunked'),
  },
  {
    what: 'an expectation',
    status: 417,
    detail: 'The only expectation that is met is 100-continue.',
    env: incoming({}, 'Host', 'a', 'Expect', '100-continue, tea'),
  },
])('$what is refused with $status, and ends the connection', async ({ status, detail, env }) => {
  const answer = await app.request('/livez', {}, env)
  expect([answer.status, answer.headers.get('connection')]).toEqual([status, 'close'])
  expect(await readProblem(answer)).toMatchObject({ type: '/problems/malformed-request', status, detail })
})
