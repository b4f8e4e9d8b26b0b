const KEPT_MS = 24 * 60 * 60 * 1000
const MOST_KEYS = 100_000

type Entry<Answer> = { body: string; answer: Answer; at: number }

/** What was answered under which key, for 24 hours as Resend does, and for at most so many keys. */
export function createIdempotencyKeys<Answer>(now: () => number = Date.now) {
  const entries = new Map<string, Entry<Answer>>()

  // A map keeps the order in which keys came, so the oldest stand first.
  const forgetOld = () => {
    for (const [key, { at }] of entries) {
      if (entries.size <= MOST_KEYS && now() - at < KEPT_MS) return
      entries.delete(key)
    }
  }

  return {
    find(key: string): { body: string; answer: Answer } | undefined {
      forgetOld()
      return entries.get(key)
    },

    keep(key: string, body: string, answer: Answer): void {
      entries.set(key, { body, answer, at: now() })
      forgetOld()
    },
  }
}
