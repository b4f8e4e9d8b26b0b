import { randomUUID } from 'node:crypto'
import { parseEmailAddress } from '../../../src/core/credentials/email-address.ts'
import type { Message } from '../provider/message.ts'

/** An event about a mail that was sent to the service; `status` is its answer, null while there is none. */
export type Report = { type: string; at: string; status: number | null }

export type Mail = {
  id: string
  to: string[]
  from: string
  subject: string
  text: string | null
  html: string | null
  createdAt: string
  idempotencyKey: string | null
  /** How often the same request came again after the first. */
  repeats: number
  /** The line of the text that is 4 or 8 digits and nothing else. */
  code: string | null
  reports: Report[]
}

export function newMail(message: Message, idempotencyKey: string | null): Mail {
  const { from, to, subject, text = null, html = null } = message
  return {
    id: randomUUID(),
    to: typeof to === 'string' ? [to] : to,
    from,
    subject,
    text,
    html,
    createdAt: new Date().toISOString(),
    idempotencyKey,
    repeats: 0,
    code: /^(?:\d{4}|\d{8})$/m.exec(text ?? '')?.[0] ?? null,
    reports: [],
  }
}

/** The address of `Name <address>` in its stored form; null where there is none. */
export function addressOf(recipient: string): string | null {
  return parseEmailAddress((/<([^<>]*)>\s*$/.exec(recipient)?.[1] ?? recipient).trim())
}

/** `address` is in its stored form. */
export function isTo(mail: Mail, address: string): boolean {
  return mail.to.some((recipient) => addressOf(recipient) === address)
}
