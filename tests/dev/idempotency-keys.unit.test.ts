import { expect, test } from 'vitest'
import { createIdempotencyKeys } from '../../dev/mail-sandbox/inbox/idempotency-keys.ts'

const HOUR_MS = 60 * 60 * 1000

test('a key is kept for 24 hours, and no longer', () => {
  let now = 0
  const keys = createIdempotencyKeys<string>(() => now)
  keys.keep('first', 'body', 'answer')
  now = 23 * HOUR_MS
  keys.keep('second', 'body', 'answer')
  expect(keys.find('first')).toMatchObject({ body: 'body', answer: 'answer' })
  now = 24 * HOUR_MS
  expect(keys.find('first')).toBeUndefined()
  expect(keys.find('second')).toBeDefined()
})

test('the oldest key goes when there are more than a hundred thousand', () => {
  const keys = createIdempotencyKeys<string>(() => 0)
  for (let i = 0; i <= 100_000; i++) keys.keep(`key ${i}`, '', '')
  expect(keys.find('key 0')).toBeUndefined()
  expect(keys.find('key 1')).toBeDefined()
})
