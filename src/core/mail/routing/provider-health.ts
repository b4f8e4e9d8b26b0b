import { MailerUnavailable, MailRefused } from '../mailer.ts'

// Longer than any back-off and the call after it: who still tries keeps its failure known.
const KEPT_MS = 120_000
const MAX_SUSPECTS = 1000

/** How a call to the provider ended. */
export type Answer = { providerId: string | null } | MailRefused | MailerUnavailable

/**
 * What the provider did last to real mails: taken, refused, a clear no, silence. A mail that is held back behaves by it as if
 * it had been sent, so that a registrant cannot tell it from one that was.
 */
export type ProviderHealth = {
  note(mailId: string, answer: Answer, latencyMs: number): void
  /** What a real mail would meet now. A mail that failed while others came through says nothing any more. */
  expected(): Answer
  /** How long the last call of that kind took, in milliseconds; 0 before the first. */
  latencyMs(): number
}

/** `now` is monotonic, in milliseconds. */
export const createProviderHealth = (now: () => number = () => performance.now()): ProviderHealth => {
  const failing = new Map<string, { at: number; answer: MailerUnavailable; latencyMs: number }>()
  const suspects = new Set<string>()
  let lastAnswer: Exclude<Answer, MailerUnavailable> = { providerId: null }
  let lastLatencyMs = 0

  const suspect = (mailId: string): void => {
    suspects.add(mailId)
    const [oldest] = suspects
    if (suspects.size > MAX_SUSPECTS && oldest !== undefined) suspects.delete(oldest)
  }

  const noteAnswer = (mailId: string, answer: Exclude<Answer, MailerUnavailable>, latencyMs: number): void => {
    for (const failed of failing.keys()) suspect(failed)
    failing.clear()
    suspects.delete(mailId)
    lastLatencyMs = latencyMs
    // A refused address says nothing of the next one.
    if (!(answer instanceof MailRefused)) lastAnswer = { providerId: null }
    else if (!answer.isAboutAddress) lastAnswer = answer
  }

  const lastFailure = () => {
    for (const [mailId, { at }] of failing) if (at <= now() - KEPT_MS) failing.delete(mailId)
    return [...failing.values()].at(-1)
  }

  return {
    note: (mailId, answer, latencyMs) => {
      if (!(answer instanceof MailerUnavailable)) return noteAnswer(mailId, answer, latencyMs)
      if (suspects.has(mailId)) return
      failing.delete(mailId)
      failing.set(mailId, { at: now(), answer, latencyMs })
    },
    expected: () => {
      const failure = lastFailure()
      if (!failure) return lastAnswer
      const { isClearNo, retryAfterMs } = failure.answer
      return new MailerUnavailable('provider-in-trouble', { isClearNo, retryAfterMs })
    },
    latencyMs: () => lastFailure()?.latencyMs ?? lastLatencyMs,
  }
}
