import type { ProviderName } from '../provider-names.ts'
import { brevo } from './brevo.ts'
import { mailgun } from './mailgun.ts'
import { postmark } from './postmark.ts'
import type { ReportReader } from './report.ts'
import { resend } from './resend.ts'
import { sendgrid } from './sendgrid.ts'
import { ses } from './ses.ts'

/** Whose reports are understood; Mailpit sends none. */
export const reportReaders: Record<ProviderName, ReportReader | null> = {
  resend,
  postmark,
  sendgrid,
  mailgun,
  ses,
  brevo,
  mailpit: null,
}
