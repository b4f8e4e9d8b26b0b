/** A mail as it leaves. The same mail has the same bytes on every try. */
export type OutgoingMail = { to: string; subject: string; text: string; html: string }

/** Repeated with the same key, a mail is sent once by a provider that honours keys. `signal` ends the call. */
export type Sending = { idempotencyKey: string; signal: AbortSignal }

/**
 * The port to a mail provider. Resolves when the provider has taken the mail, with the id that it gave.
 * Rejects with `MailRefused` (never again) or `MailerUnavailable` (later), with nothing else on purpose.
 */
export type Mailer = {
  /** The provider's name. */
  provider?: string
  /** Names all that decides a mail's bytes besides the mail: provider, wire format, sender. */
  format?: string
  send(mail: OutgoingMail, sending: Sending): Promise<{ providerId: string | null }>
  close(): Promise<void>
}

/** The provider will not take this very mail, now or later. `message` is a fixed word, never the provider's text. */
export class MailRefused extends Error {
  override name = 'MailRefused' as const
  /** It is this address that is refused, not what is sent to it. */
  readonly isAboutAddress: boolean

  constructor(message: string, details: { isAboutAddress?: boolean } = {}) {
    super(message)
    this.isAboutAddress = details.isAboutAddress ?? false
  }
}

/** The provider cannot take mails now. `message` is a fixed word, never the provider's text. */
export class MailerUnavailable extends Error {
  override name = 'MailerUnavailable' as const
  /** False when the provider may have taken the mail all the same: no answer came. */
  readonly isClearNo: boolean
  /** No sooner than this, says the provider; null when it says nothing. */
  readonly retryAfterMs: number | null
  /** It asks for fewer mails altogether, not only for this one to come later. */
  readonly isForEverybody: boolean
  /** The key can never succeed again, as when it was used with other bytes: the next try takes a fresh one. */
  readonly isKeyUnusable: boolean
  /** Something is wrong with us, not with the mail or the provider: the key, the sender, the account. An operator has to act. */
  readonly isAboutUs: boolean

  constructor(
    message: string,
    details: {
      isClearNo: boolean
      retryAfterMs?: number | null
      isForEverybody?: boolean
      isKeyUnusable?: boolean
      isAboutUs?: boolean
      cause?: unknown
    },
  ) {
    super(message, { cause: details.cause })
    this.isClearNo = details.isClearNo
    this.retryAfterMs = details.retryAfterMs ?? null
    this.isForEverybody = details.isForEverybody ?? false
    this.isKeyUnusable = details.isKeyUnusable ?? false
    this.isAboutUs = details.isAboutUs ?? false
  }
}
