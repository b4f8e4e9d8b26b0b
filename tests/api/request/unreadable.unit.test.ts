import type { IncomingHttpHeaders } from 'node:http'
import { expect, test } from 'vitest'
import { answerUnreadable } from '../../../src/api/request/unreadable.ts'
import { readProblem } from '../../support/answers.ts'

test.each([
  [400, 'The request line, a header or the framing of the body cannot be read in one way only.'],
  [408, 'The request did not come within its time.'],
  [431, 'The headers are too large or too many.'],
] as const)('a %i says why, and is as protected as any other', async (status, detail) => {
  const answer = await answerUnreadable(status, {})
  expect([answer.status, answer.headers.get('cache-control')]).toEqual([status, 'no-store'])
  expect(await readProblem(answer)).toMatchObject({
    ...{ type: '/problems/malformed-request', status, detail },
    requestId: answer.headers.get('x-request-id'),
  })
})

test.each<{ headers: IncomingHttpHeaders; id: unknown }>([
  { headers: { 'x-request-id': 'theirs', 'x-correlation-id': 'other' }, id: 'theirs' },
  { headers: { 'x-correlation-id': 'other' }, id: 'other' },
  { headers: { 'x-request-id': ['one', 'two'] }, id: expect.stringMatching(/^[0-9a-f-]{36}$/) },
])('the id in $headers is on the answer', async ({ headers, id }) => {
  expect((await answerUnreadable(400, headers)).headers.get('x-request-id')).toEqual(id)
})
