// Longer than a provider takes that is well; shorter than a probe holds the others back, so that the next one waits for its answer.
const QUIET_MS = 800

/** Tells by the calls that are out to one provider whether it has gone quiet. */
export type QuietDetector = {
  /** A call leaves. Returns what is to be called when it has ended, however it did. */
  begin(): () => void
  noteAnswer(): void
  /** Whether a call waits for that long, and nothing was answered since it left. */
  isQuiet(): boolean
}

/** `now` is monotonic, in milliseconds. */
export const createQuietDetector = (now: () => number): QuietDetector => {
  const out = new Set<{ begunAt: number }>()
  let answeredAt = Number.NEGATIVE_INFINITY
  return {
    begin: () => {
      const call = { begunAt: now() }
      out.add(call)
      return () => void out.delete(call)
    },
    noteAnswer: () => {
      answeredAt = now()
    },
    isQuiet: () => out.values().some(({ begunAt }) => begunAt >= answeredAt && begunAt <= now() - QUIET_MS),
  }
}
