import type { Meaning } from '../../../src/core/mail/providers/provider.ts'
import type { Report } from '../../../src/core/mail/providers/report.ts'

/** A mail as it arrived; `key` is the idempotency key, wherever the provider has its place. */
export type WireMail = { from: string; to: string[]; subject: string; text: string; html: string; key: string | null }

/** `body` is sent as JSON, a string as it is. */
export type WireAnswer = { status: number; headers?: Record<string, string>; body: unknown }

/** An error as the provider's documents, found at `document`, describe it, what it means for us, and the word that operators read. */
export type DocumentedError = WireAnswer & { document: string; means: Meaning; word: string }

/** A mail to one person, with all that its request is made of. */
export type Sample = {
  apiKey: string
  sender: { name: string; email: string }
  to: string
  subject: string
  text: string
  html: string
  key: string
}

export type SignedEvent = { headers: Record<string, string>; body: string }

/** A mail that the provider took under `id`. */
export type TakenMail = { id: string; from: string; to: string[]; subject: string; createdAt: string }

/** The provider's events; `secret` is what the service is told as `MAIL_EVENTS_SECRET`. */
export type EventSource = {
  secret: string
  /** Whether its signature covers a time. */
  signsTime: boolean
  /** A documented event that is of no interest here. */
  ignored: unknown
  event(kind: Report['kind'], mail: TakenMail, at: Date): unknown
  sign(body: string, message: { id: string; at: Date }): SignedEvent
}

/** What the documents of a provider say, for the sandbox that plays it and for the tests that hold our adapter to it. */
export type ProviderFacts = {
  /** Where mails are sent, as a pattern of Hono. */
  path: string
  /** A key of the form that it gives out, and a region where it wants to know one. */
  apiKey: string
  region?: string
  /** It takes one mail under a key. */
  dropsCopies?: true
  isAuthentic(headers: Headers, apiKey: string): boolean
  /** The request that is documented for a mail: where it goes, its headers, and its body or form. */
  request(sample: Sample): { path: string; headers: Record<string, string>; body: unknown }
  /** Null when it is no mail. A sender with a name is as a header field holds it. */
  read(body: string, headers: Headers): WireMail | null
  accept(id: string): WireAnswer
  /** By name; `unauthorized` and `invalid` are what a wrong key and an unreadable mail get. */
  errors: Record<string, DocumentedError> & { unauthorized: DocumentedError; invalid: DocumentedError }
  /** Null where it reports nothing, or only its own certificate can sign; a given secret counts where two sides share one. */
  openEvents: ((secret?: string) => EventSource) | null
}

export const toResponse = ({ status, headers = {}, body }: WireAnswer): Response =>
  typeof body === 'string' ? new Response(body, { status, headers }) : Response.json(body, { status, headers })

/** A sender as a header field holds it (RFC 5322, 3.4). */
export const fromHeader = (name: string | undefined, email: string): string => {
  if (!name) return email
  return /[()<>[\]:;@\\,"]/.test(name) ? `"${name.replaceAll(/["\\]/g, '\\$&')}" <${email}>` : `${name} <${email}>`
}

export const JSON_TYPE = { 'content-type': 'application/json' }
export const secondsOf = (at: Date): number => Math.floor(at.getTime() / 1000)
