import * as v from 'valibot'
import { isSame, type Report, type ReportReader, readJson, timeOf } from './report.ts'

/** Brevo's webhooks (https://developers.brevo.com/docs/username-and-password-authentication): a bearer token; one event, or a batch. */
export const brevo: ReportReader = {
  admits: (headers, secret) => isSame(headers.get('authorization') ?? '', `Bearer ${secret}`),
  read: async ({ body }) => {
    const json = readJson(body)
    if (json === undefined) return 'malformed'
    return [json].flat().flatMap((one: unknown) => (v.is(event, one) ? reportOf(one) : []))
  },
  isSecret: (secret) => /^[\x21-\x7e]+$/.test(secret),
}

const event = v.object({ event: v.string(), 'message-id': v.string(), ts_event: v.optional(v.number()) })

// https://developers.brevo.com/docs/transactional-webhooks
const KINDS: Record<string, Report['kind']> = {
  delivered: 'delivered',
  hard_bounce: 'hard-bounce',
  hardBounce: 'hard-bounce',
  invalid_email: 'hard-bounce',
  invalid: 'hard-bounce',
  blocked: 'suppressed',
  error: 'dropped',
  spam: 'complaint',
  complaint: 'complaint',
}

const reportOf = (one: v.InferOutput<typeof event>): Report[] => {
  const kind = Object.hasOwn(KINDS, one.event) ? KINDS[one.event] : undefined
  return kind === undefined ? [] : [{ providerId: one['message-id'], kind, at: timeOf(one.ts_event) }]
}
