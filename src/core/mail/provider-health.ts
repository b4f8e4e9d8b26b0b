// Longer than any back-off and the call after it: who still tries keeps its failure known.
const KEPT_MS = 120_000
const MAX_SUSPECTS = 1000

/**
 * What the last calls told of the provider. A mail that stays at home behaves by it as if it had been sent, so that a
 * registrant cannot tell it from one that was.
 */
export type ProviderHealth = {
  /** The provider took this mail, or refused just this one. */
  noteAnswer(mailId: string, latencyMs: number): void
  /** This mail could not be brought to it now. */
  noteTrouble(mailId: string): void
  /** False while mails fail and none comes through. A mail that failed while others came through says nothing any more. */
  isWell(): boolean
  /** How long the last answer took, in milliseconds; 0 before the first. */
  latencyMs(): number
}

export const createProviderHealth = (now: () => number = Date.now): ProviderHealth => {
  const failedAt = new Map<string, number>()
  const suspects = new Set<string>()
  let lastLatencyMs = 0

  const suspect = (mailId: string): void => {
    suspects.add(mailId)
    const [oldest] = suspects
    if (suspects.size > MAX_SUSPECTS && oldest !== undefined) suspects.delete(oldest)
  }

  return {
    noteAnswer: (mailId, latencyMs) => {
      for (const failed of failedAt.keys()) suspect(failed)
      failedAt.clear()
      suspects.delete(mailId)
      lastLatencyMs = latencyMs
    },
    noteTrouble: (mailId) => {
      if (!suspects.has(mailId)) failedAt.set(mailId, now())
    },
    isWell: () => {
      for (const [mailId, at] of failedAt) if (at <= now() - KEPT_MS) failedAt.delete(mailId)
      return failedAt.size === 0
    },
    latencyMs: () => lastLatencyMs,
  }
}
