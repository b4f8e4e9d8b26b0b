import * as v from 'valibot'
import type { Mailer } from '../../core/mail/mailer.ts'
import { createJsonClient } from './http-client.ts'
import type { MailerSettings } from './mailer-settings.ts'

/** Resend's wire format (https://resend.com/docs/api-reference/emails/send-email), idempotency keys included. */
export const createResendMailer = ({ apiKey, from, ...settings }: MailerSettings): Mailer => {
  const client = createJsonClient(settings)
  return {
    send: async ({ to, subject, text, html }, { idempotencyKey, signal }) => {
      const headers = { authorization: `Bearer ${apiKey}`, 'idempotency-key': idempotencyKey }
      const answer = await client.post('/emails', headers, { from, to, subject, text, html }, signal)
      return { providerId: v.is(accepted, answer) ? answer.id : null }
    },
    close: client.close,
  }
}

const accepted = v.object({ id: v.string() })
