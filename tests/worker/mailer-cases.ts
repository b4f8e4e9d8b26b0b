import { createMailer, type MailerName, mailerNames } from '../../src/worker/providers/create-mailer.ts'

export const API_KEY = 'key_of_the_tests'
export const FROM = 'Latchkey <codes@latchkey.example>'

export const MAIL = {
  to: 'ada@example.com',
  subject: 'Your activation code (K7QX)',
  text: 'Your activation code is\n\n0427\n',
  html: '<p>0427</p>',
}

/** What each provider's own documentation asks for, and the member of its answer that holds the mail's id. */
export const wireFormats = {
  resend: {
    path: '/emails',
    headers: { authorization: `Bearer ${API_KEY}`, 'idempotency-key': 'key-1' },
    body: { from: FROM, ...MAIL },
    idMember: 'id',
  },
  postmark: {
    path: '/email',
    headers: { 'x-postmark-server-token': API_KEY },
    body: {
      From: FROM,
      To: MAIL.to,
      Subject: MAIL.subject,
      TextBody: MAIL.text,
      HtmlBody: MAIL.html,
      MessageStream: 'outbound',
      Metadata: { key: 'key-1' },
    },
    idMember: 'MessageID',
  },
} satisfies Record<MailerName, unknown>

export const mailers = mailerNames.map((name) => ({ name, ...wireFormats[name] }))

/** A mailer of this name, and the one mail that all tests send with it. */
export const createTestMailer = (name: MailerName, url: string, timeoutMs = 500) => {
  const mailer = createMailer(name, { url, apiKey: API_KEY, from: FROM, timeoutMs, connections: 2 })
  return {
    send: (signal: AbortSignal = AbortSignal.timeout(timeoutMs)) =>
      mailer.send(MAIL, { idempotencyKey: 'key-1', signal }),
    close: () => mailer.close(),
  }
}
