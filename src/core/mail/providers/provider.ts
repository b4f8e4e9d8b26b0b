import type { IncomingHttpHeaders } from 'node:http'
import * as v from 'valibot'
import type { OutgoingMail } from '../mailer.ts'
import type { ReportReader } from './report.ts'

/**
 * What an error of the provider means: it refuses this very mail, or this very address, for good; something is wrong with us (key, sender, account);
 * it has taken the mail already under this key; the key can never succeed again; it wants the mail later; or it may have taken it.
 */
export type Meaning = 'this-mail' | 'this-address' | 'us' | 'taken' | 'key-unusable' | 'wait' | 'silence'

/** The provider's documented errors by its own code: the fixed word that operators read, and what it means. */
export type Meanings = Record<string, readonly [word: string, meaning: Meaning]>

/** `region` and `domain` where the provider has such; `apiKey` where it asks for one. */
export type ProviderSettings = {
  url: string
  apiKey: string | undefined
  from: string
  domain?: string | undefined
  region?: string | undefined
}

/** `body` is the same, to the byte, for the same mail and key. */
export type ProviderRequest = { path: string; headers: Record<string, string>; body: string }

/** An answer that arrived whole. `json` is undefined where the body is no JSON. */
export type ProviderResponse = { status: number; headers: IncomingHttpHeaders; body: string; json: unknown }

/** The schema of a variable that may be missing. */
type Setting = v.GenericSchema<string | undefined, string | undefined>

export const visible = v.regex(/^[\x21-\x7e]+$/, 'must be visible ASCII without spaces')

/** A provider as data: where it listens, what it is sent, and how its answers and reports are read. No file but its own knows its name. */
export type Provider = {
  /** Where it takes mails unless `MAIL_URL` says otherwise. */
  publicUrl(region: string | undefined): string
  connect(
    settings: ProviderSettings,
  ): (mail: OutgoingMail, idempotencyKey: string) => ProviderRequest | Promise<ProviderRequest>
  /** Of a 2xx answer: the id of the mail, null when it gives none, undefined when this is not the provider's acceptance. */
  readId(response: ProviderResponse): string | null | undefined
  /** Of any other answer: its code in `meanings`, undefined when there is none to be read. */
  readCode(response: ProviderResponse): string | undefined
  meanings: Meanings
  /** What `MAIL_API_KEY` and `MAIL_REGION` have to be; a key, and anything, where nothing is said. */
  settings?: { apiKey?: Setting; region?: Setting }
  /** Null when it reports nothing of mails. */
  reports: ReportReader | null
}
