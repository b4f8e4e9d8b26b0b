import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { Keyring } from '../credentials/keyring.ts'

/** A code: 4 digits, or 8 once too many wrong guesses were made at its mailbox. */
export const CODE_PATTERN = /^(?:[0-9]{4}|[0-9]{8})$/

export type CodeRef = { id: string; digits: number; keyId: string }

/**
 * The digits of a code: HMAC-SHA-256(key, code id) as a number, modulo 10^digits. The bias of the modulo is below 2^-229.
 * Gives null when the code's key is no longer in the keyring.
 */
export const deriveCode = (keyring: Keyring, code: CodeRef): string | null => {
  const key = keyring.find((candidate) => candidate.id === code.keyId)
  if (!key) return null
  const number = BigInt(`0x${createHmac('sha256', key.codes).update(code.id).digest('hex')}`)
  return String(number % 10n ** BigInt(code.digits)).padStart(code.digits, '0')
}

/** Compares in a time that does not depend on where the two differ, nor on their lengths. */
export const isSameCode = (typed: string, code: string): boolean => timingSafeEqual(digestOf(typed), digestOf(code))

const digestOf = (value: string): Buffer => createHash('sha256').update(value).digest()
