import * as v from 'valibot'
import type { Mailer } from '../../core/mail/mailer.ts'
import { createJsonClient } from './http-client.ts'
import type { MailerSettings } from './mailer-settings.ts'

/**
 * Postmark's wire format (https://postmarkapp.com/developer/api/email-api). It knows no idempotency key: after a try that
 * was never answered a person may get the same code twice. The key goes along as metadata, to be found in its activity.
 */
export const createPostmarkMailer = ({ apiKey, from, ...settings }: MailerSettings): Mailer => {
  const client = createJsonClient(settings)
  return {
    send: async ({ to, subject, text, html }, { idempotencyKey, signal }) => {
      const headers = { 'x-postmark-server-token': apiKey }
      const mail = {
        From: from,
        To: to,
        Subject: subject,
        TextBody: text,
        HtmlBody: html,
        MessageStream: 'outbound',
        Metadata: { key: idempotencyKey },
      }
      const answer = await client.post('/email', headers, mail, signal)
      return { providerId: v.is(accepted, answer) ? answer.MessageID : null }
    },
    close: client.close,
  }
}

const accepted = v.object({ MessageID: v.string() })
