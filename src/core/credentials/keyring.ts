import { createHmac, hkdfSync } from 'node:crypto'

/** What is derived from one `SECRET_KEY`: codes and look-up keys never share a key. */
export type Key = { id: string; codes: Buffer; lookups: Buffer }

/** Newest first. New things are derived under the first, old ones are found under all. Never empty. */
export type Keyring = readonly [Key, ...Key[]]

/** Derives the keys by HKDF (RFC 5869). A key's id is public: it stands beside each code and tells nothing of the secret. */
export const createKeyring = (secrets: readonly string[]): Keyring => {
  const [newest, ...older] = secrets.map(deriveKey)
  if (!newest) throw new Error('a keyring needs a secret')
  return [newest, ...older]
}

const deriveKey = (secret: string): Key => ({
  id: derive(secret, 'id', 8).toString('hex'),
  codes: derive(secret, 'codes', 32),
  lookups: derive(secret, 'lookups', 32),
})

const derive = (secret: string, purpose: string, length: number): Buffer =>
  Buffer.from(hkdfSync('sha256', secret, 'latchkey', purpose, length))

/** The value under which something is looked up without being stored, one for each secret, the newest first. */
export const lookupKeys = (
  keyring: Keyring,
  kind: 'mailbox' | 'idempotency-key' | 'request-body' | 'limit' | 'sign-in-network',
  value: string,
): [Buffer, ...Buffer[]] => {
  const [newest, ...older] = keyring
  const under = (key: Key) => createHmac('sha256', key.lookups).update(`${kind}:${value}`).digest()
  return [under(newest), ...older.map(under)]
}
