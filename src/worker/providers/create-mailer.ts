import type { Mailer } from '../../core/mail/mailer.ts'
import type { MailerSettings } from './mailer-settings.ts'
import { createPostmarkMailer } from './postmark.ts'
import { createResendMailer } from './resend.ts'

const mailers = { resend: createResendMailer, postmark: createPostmarkMailer }

export type MailerName = keyof typeof mailers

export const mailerNames = ['resend', 'postmark'] as const satisfies readonly MailerName[]

/** Where each provider takes mails unless `MAIL_URL` says otherwise. */
export const PUBLIC_MAIL_URLS = {
  resend: 'https://api.resend.com',
  postmark: 'https://api.postmarkapp.com',
} satisfies Record<MailerName, string>

export const createMailer = (name: MailerName, settings: MailerSettings): Mailer => mailers[name](settings)
