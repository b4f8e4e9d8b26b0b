import { randomUUID } from 'node:crypto'
import { UNLIMITED } from '../../src/core/postgres/rate-limits.ts'

/** Somebody who registers, and may do so as often as he likes. */
export const registration = (given: { email?: string; password?: string; idempotencyKey?: string | null } = {}) => {
  const { email = `${randomUUID()}@example.com`, password = 'correct horse battery', idempotencyKey = null } = given
  const { signal } = new AbortController()
  const request = { email, password, idempotencyKey, requestId: 'a-request', locale: 'en', metadata: {}, signal }
  return { ...request, body: { email, password }, budget: UNLIMITED, logins: () => UNLIMITED }
}
