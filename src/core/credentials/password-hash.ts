import { createHmac } from 'node:crypto'

/** How a stored hash is verified: `latchkey` is ours, `bcrypt` a plain one that came with an import. */
export type Scheme = 'latchkey' | 'bcrypt'

const OURS = /^\$bcrypt-sha256\$v=2,t=2b,r=(\d{1,2})\$([./A-Za-z0-9]{22})\$([./A-Za-z0-9]{31})$/
const PLAIN = /^\$2[aby]\$(\d\d)\$([./A-Za-z0-9]{22})([./A-Za-z0-9]{31})$/

// The same as BCRYPT_COST takes.
const MIN_COST = 4
const MAX_COST = 15

/** A hash as bcrypt knows it; what bcrypt is given for a password under it is `keyOf`. */
export type PasswordHash = { scheme: Scheme; cost: number; salt: string; bcrypt: string }

/** Reads a hash of either scheme, which its own first characters tell; null when it is none, or of a cost out of 4 to 15. */
export const parseHash = (hash: string): PasswordHash | null => {
  const ours = OURS.exec(hash)
  const [, cost = '', salt = '', digest = ''] = ours ?? PLAIN.exec(hash) ?? []
  // Without a match the cost is 0.
  if (Number(cost) < MIN_COST || Number(cost) > MAX_COST) return null
  const bcrypt = `$2b$${cost.padStart(2, '0')}$${salt}${digest}`
  return { scheme: ours ? 'latchkey' : 'bcrypt', cost: Number(cost), salt, bcrypt }
}

/** A hash of ours as it is stored: passlib's `bcrypt_sha256`, version 2. `bcrypt` is what `keyOf` became under its salt. */
export const formatHash = (bcrypt: string): string => {
  const [, cost = '', salt = '', digest = ''] = PLAIN.exec(bcrypt) ?? []
  return `$bcrypt-sha256$v=2,t=2b,r=${Number(cost)}$${salt}$${digest}`
}

/**
 * What bcrypt is given. It cuts at 72 bytes, stops at NUL and repeats short keys, so ours are 44 characters that stand for the whole
 * password: base64(HMAC-SHA-256(salt, NFC form)). Under a plain hash the password goes as it was typed, as its origin did.
 */
export const keyOf = (password: string, { scheme, salt }: Pick<PasswordHash, 'scheme' | 'salt'>): string =>
  scheme === 'bcrypt' ? password : createHmac('sha256', salt).update(password.normalize('NFC')).digest('base64')
