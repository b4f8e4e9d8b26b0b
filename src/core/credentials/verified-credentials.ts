import { createHmac, randomBytes } from 'node:crypto'

/**
 * Who was found to have the right password within the last minute, so that asking again costs no bcrypt. `name` is what the password
 * belongs to, and where it matters from which network: where there is no room, a stranger would else learn from 503 or 200, without
 * spending a failed sign-in, whether his guess is what somebody used a moment ago.
 */
export type VerifiedCredentials = {
  /** Whether this name and password are remembered, under whatever hash: worth a look-up when there is no room for a hash. */
  holds(name: string, password: string): boolean
  /** Whether they were verified against this very hash, which is to be the row's of now: another password ends it at once. */
  isVerified(name: string, password: string, passwordHash: string): boolean
  remember(name: string, password: string, passwordHash: string): void
}

const KEEP_MS = 60_000
const MOST = 10_000

/**
 * In the memory of one process: at most `most` entries, the least recently used ones go first. An entry lasts a minute from the
 * bcrypt and is not prolonged by use. No password is kept, but an HMAC-SHA256 under a random key of this process: who has a dump of
 * the heap, and so the key, can try guesses at what is in it much faster than bcrypt allows. `nowMs` is a monotonic clock.
 */
export const createVerifiedCredentials = ({
  nowMs = () => performance.now(),
  most = MOST,
} = {}): VerifiedCredentials => {
  const key = randomBytes(32)
  const entries = new Map<string, { passwordHash: string; until: number }>()
  // The password as it was typed: under a plain hash another Unicode form is another password.
  const idOf = (name: string, password: string) =>
    createHmac('sha256', key)
      .update(JSON.stringify([name, password]))
      .digest('base64')

  const find = (id: string): string | null => {
    const entry = entries.get(id)
    if (!entry) return null
    entries.delete(id)
    if (entry.until <= nowMs()) return null
    entries.set(id, entry)
    return entry.passwordHash
  }

  // Not only when asked for: nothing outlasts its minute for long.
  const dropOld = () => {
    const now = nowMs()
    for (const [id, { until }] of entries) if (until <= now) entries.delete(id)
  }
  setInterval(dropOld, KEEP_MS / 12).unref()

  return {
    holds: (name, password) => find(idOf(name, password)) !== null,
    isVerified: (name, password, passwordHash) => find(idOf(name, password)) === passwordHash,
    remember: (name, password, passwordHash) => {
      const id = idOf(name, password)
      entries.delete(id)
      entries.set(id, { passwordHash, until: nowMs() + KEEP_MS })
      const [oldest] = entries.keys()
      if (entries.size > most && oldest !== undefined) entries.delete(oldest)
    },
  }
}
