import type { ProviderName } from '../../../src/core/mail/provider-names.ts'
import type { Meaning } from '../../../src/worker/providers/provider.ts'
import { brevo } from './brevo.ts'
import { mailgun } from './mailgun.ts'
import { mailpit } from './mailpit.ts'
import { postmark } from './postmark.ts'
import { resend } from './resend.ts'
import { sendgrid } from './sendgrid.ts'
import { ses } from './ses.ts'

/** A mail as it arrived; `key` is the idempotency key, wherever the provider has its place. */
export type WireMail = { from: string; to: string[]; subject: string; text: string; html: string; key: string | null }

/** `body` is sent as JSON, a string as it is. */
export type WireAnswer = { status: number; headers?: Record<string, string>; body: unknown }

/** An error as the provider's documents, found at `document`, describe it, what it means for us, and the word that operators read. */
export type DocumentedError = WireAnswer & { document: string; means: Meaning; word: string }

/** What the documents of a provider say, for the sandbox that plays it and for the tests that hold our adapter to it. */
export type ProviderFacts = {
  /** Where mails are sent, as a pattern of Hono. */
  path: string
  isAuthentic(headers: Headers, apiKey: string): boolean
  /** Null when it is no mail. */
  read(body: string, headers: Headers): WireMail | null
  accept(id: string): WireAnswer
  /** By name; `unauthorized` and `invalid` are what a wrong key and an unreadable mail get. */
  errors: Record<string, DocumentedError> & { unauthorized: DocumentedError; invalid: DocumentedError }
}

export const providerFacts: Record<ProviderName, ProviderFacts> = {
  resend,
  postmark,
  sendgrid,
  mailgun,
  ses,
  brevo,
  mailpit,
}

export const toResponse = ({ status, headers = {}, body }: WireAnswer): Response =>
  typeof body === 'string' ? new Response(body, { status, headers }) : Response.json(body, { status, headers })
