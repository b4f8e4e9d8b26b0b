import { createHash, timingSafeEqual } from 'node:crypto'

/** `suppressed`: the provider keeps a list of addresses that it sends nothing to; `dropped`: it did not try for another reason. */
export const bounceKinds = ['hard-bounce', 'dropped', 'suppressed', 'complaint'] as const

export type BounceKind = (typeof bounceKinds)[number]

/** What became of a mail that the provider took, found again by the id that the provider gave it. */
export type Report = { providerId: string; kind: 'delivered' | BounceKind; at: Date }

/** Why nothing is believed: it is not from the provider, or cannot be read. */
export type Refusal = 'unauthenticated' | 'malformed'

/** Fetches a text from the provider; rejects when it cannot be had. */
export type FetchText = (url: string) => Promise<string>

export type ReportRequest = { headers: Headers; body: Buffer; secret: string; fetchText: FetchText }

/** How one provider's reports are told from forged ones, and read. What is of no interest gives no report. */
export type ReportReader = {
  /** Looks at the headers alone, before anything of the body is read. */
  admits(headers: Headers, secret: string): boolean
  read(request: ReportRequest): Promise<Report[] | Refusal>
  /** How its events are signed, in words that end a sentence which begins with its name. */
  scheme: string
  /** Whether the secret is of the form that this provider's scheme needs. */
  isSecret(secret: string): boolean
}

/** In a time that does not depend on what is different. */
export const isSame = (one: string, other: string): boolean => timingSafeEqual(digest(one), digest(other))

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

const MAX_AGE_MS = 5 * 60_000

/** Whether a signed time, in seconds since 1970, is within five minutes of now. */
export const isRecent = (seconds: number): boolean => Math.abs(Date.now() - seconds * 1000) <= MAX_AGE_MS

export const readJson = (body: Buffer | string): unknown => {
  try {
    return JSON.parse(String(body))
  } catch {
    return undefined
  }
}

/** The time that a report gives, now when there is none to be read. */
export const timeOf = (value: unknown): Date => {
  const at = new Date(typeof value === 'number' ? value * 1000 : typeof value === 'string' ? value : Number.NaN)
  return Number.isNaN(at.getTime()) ? new Date() : at
}
