import type { Outcome } from '../postgres/outbox/outbox-rows.ts'

// The states of a code, and what each means to whoever asks: one who types a code, the mail's next try, the owner who looks, a resend.

/** What is known of a code. `isOpen`: somebody may have it. `isGuessedOut`: too much was guessed at its mailbox. */
export type CodeFacts = {
  isOpen: boolean
  isExpired: boolean
  isGuessedOut: boolean
  isCurrent: boolean
  attempts: number
  digits: number
}

/** As its owner sees it. */
export type CodeStatus = 'queued' | 'sent' | 'expired' | 'exhausted' | 'undeliverable'

/** Whether the mail that brings the code has ended, and how. */
export type MailFate = 'waiting' | 'left' | 'undeliverable'

type Meaning = {
  /** To one who types a code: it is compared, and counted, in one state only. */
  typed: 'compared' | 'code-not-sent' | 'code-expired' | 'code-exhausted'
  /** To the mail's next try. */
  next: 'open' | 'repeat' | 'replace' | 'drop'
  /** To its owner, by the fate of the mail; one that may be out is not told to be until the provider has said so. */
  shown: Record<MailFate, CodeStatus>
}

export type CodeState = 'closed' | 'open' | 'expired' | 'guessed-out' | 'exhausted' | 'superseded'

const shown = (waiting: CodeStatus, left: CodeStatus): Record<MailFate, CodeStatus> => ({
  waiting,
  left,
  undeliverable: 'undeliverable',
})

export const CODE_STATES: Record<CodeState, Meaning> = {
  // Nobody has it.
  closed: { typed: 'code-not-sent', next: 'open', shown: shown('queued', 'queued') },
  open: { typed: 'compared', next: 'repeat', shown: shown('queued', 'sent') },
  expired: { typed: 'code-expired', next: 'replace', shown: shown('queued', 'expired') },
  // Four digits of such a mailbox are not worth a try any more; the next code has eight.
  'guessed-out': { typed: 'code-expired', next: 'replace', shown: shown('queued', 'expired') },
  exhausted: { typed: 'code-exhausted', next: 'replace', shown: shown('exhausted', 'exhausted') },
  superseded: { typed: 'code-expired', next: 'drop', shown: shown('expired', 'expired') },
}

/** What a resend does: while the former mail waits there is nothing to resend. */
export const RESENDING = {
  waiting: 'already-on-its-way',
  left: 'enqueued',
  undeliverable: 'enqueued',
} as const satisfies Record<MailFate, string>

/** A code has so many when too much is guessed. */
export const LONG_DIGITS = 8

/** Whether a code is of the length that ends with the mailbox's budget of guesses. */
export const isShort = ({ digits }: { digits: number }): boolean => digits < LONG_DIGITS

export const codeStateOf = (code: CodeFacts, maxAttempts: number): CodeState => {
  if (!code.isCurrent) return 'superseded'
  if (!code.isOpen) return 'closed'
  if (code.attempts >= maxAttempts) return 'exhausted'
  if (code.isExpired) return 'expired'
  return code.isGuessedOut && isShort(code) ? 'guessed-out' : 'open'
}

export const mailFateOf = (mail: { outcome: Outcome | null; isBounced: boolean; sentAt: Date | null }): MailFate => {
  if (mail.outcome === 'refused' || mail.outcome === 'given-up' || mail.isBounced) return 'undeliverable'
  return mail.outcome || mail.sentAt ? 'left' : 'waiting'
}
