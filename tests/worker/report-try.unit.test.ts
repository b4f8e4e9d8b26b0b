import { expect, test } from 'vitest'
import { reportTry } from '../../src/worker/delivery/report-try.ts'
import { silent } from '../support/database.ts'

const TRIED = {
  mailId: '00000000-0000-4000-8000-000000000000',
  requestId: 'a-request',
  ref: 'K7QX',
  to: 'a…@example.com',
  attempt: 3,
  provider: 'resend',
  delivery: { end: 'later', reason: 'resend-503', inMs: 4210 },
  durationMs: 12,
} as const

test('a line reads like a sentence', () => {
  const written: string[] = []
  const log = async (line: string) => written.push(line)
  reportTry({ log }, silent, TRIED)
  reportTry({ log }, silent, {
    ...TRIED,
    requestId: null,
    ref: null,
    to: null,
    attempt: 0,
    delivery: { end: 'done', outcome: 'dropped' },
  })
  expect(written.map((line) => line.replace(/^\S+ /, ''))).toEqual([
    'K7QX, request a-request, try 3: resend-503, next try in 4.2 s',
    'a mail that is gone, try 0: dropped',
  ])
})

test.each([
  { what: 'refuses the line', log: () => Promise.reject(new Error('Missing key for job')) },
  { what: 'never answers', log: () => new Promise<number>(() => {}) },
])('a store that $what holds nothing up', async ({ log }) => {
  expect(reportTry({ log }, silent, TRIED)).toBeUndefined()
  // An unhandled rejection would fail the test run here.
  await new Promise(setImmediate)
})
