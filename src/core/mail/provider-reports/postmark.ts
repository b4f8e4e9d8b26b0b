import * as v from 'valibot'
import { isSame, type Report, type ReportReader, readJson, timeOf } from './report.ts'

/** Postmark's webhooks (https://postmarkapp.com/developer/webhooks/webhooks-overview): HTTP Basic, from the credentials in its URL. */
export const postmark: ReportReader = {
  admits: (headers, secret) =>
    isSame(headers.get('authorization') ?? '', `Basic ${Buffer.from(secret).toString('base64')}`),
  read: async ({ body }) => {
    const json = readJson(body)
    if (json === undefined) return 'malformed'
    return v.is(event, json) ? reportOf(json) : []
  },
  isSecret: (secret) => /^[^:]+:.+$/.test(secret),
}

const event = v.object({
  RecordType: v.string(),
  MessageID: v.string(),
  Type: v.optional(v.string()),
  DeliveredAt: v.optional(v.string()),
  BouncedAt: v.optional(v.string()),
})

// Of https://postmarkapp.com/developer/api/bounce-api#bounce-types those after which this mail does not arrive.
const BOUNCES: Record<string, Report['kind']> = {
  HardBounce: 'hard-bounce',
  BadEmailAddress: 'hard-bounce',
  ManuallyDeactivated: 'suppressed',
  SpamComplaint: 'complaint',
  SpamNotification: 'dropped',
  Blocked: 'dropped',
  DMARCPolicy: 'dropped',
}

const reportOf = (one: v.InferOutput<typeof event>): Report[] => {
  const kind =
    one.RecordType === 'Delivery'
      ? 'delivered'
      : one.RecordType === 'SpamComplaint'
        ? 'complaint'
        : one.RecordType === 'Bounce'
          ? BOUNCES[one.Type ?? '']
          : undefined
  return kind === undefined ? [] : [{ providerId: one.MessageID, kind, at: timeOf(one.DeliveredAt ?? one.BouncedAt) }]
}
