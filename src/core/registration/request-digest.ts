import { type Keyring, lookupKeys } from '../credentials/keyring.ts'
import { isObject } from './metadata.ts'

/**
 * Tells one body of a registration from another, whatever the order of members and the white space; one for each secret, the
 * newest first. The password is not in it, as a digest that is quick to make is quick to guess: its bcrypt hash is compared.
 */
export const requestDigests = (keyring: Keyring, body: object): [Buffer, ...Buffer[]] => {
  const told = Object.entries(body).map(([name, value]) => [name, name === 'password' ? formOf(value) : value])
  return lookupKeys(keyring, 'request-body', JSON.stringify(sorted(Object.fromEntries(told))))
}

/** Hashes are of the NFC: another form of the same password is another JSON string, and its length tells it from the NFC. */
const formOf = (password: unknown): number | null =>
  typeof password === 'string' && password !== password.normalize('NFC') ? password.length : null

const sorted = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sorted)
  if (!isObject(value)) return value
  const members = Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1))
  // An object would put names that are numbers first, which is an order too.
  return Object.fromEntries(members.map(([name, member]) => [name, sorted(member)]))
}
