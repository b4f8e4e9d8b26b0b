import { setTimeout as sleep } from 'node:timers/promises'

/** The shortest pause that is one. */
export const FIRST_PAUSE_MS = 10
const MAX_PAUSE_MS = 250

export type WakeUp = {
  /** `least` is how many milliseconds, about, go by before what is notified may be looked at. */
  notify(least?: number): void
  /** Resolves at a notification, also one since the last `wait`, after `ms`, or when `signal` aborts. `hasFound`: whether the look before it found anything. */
  wait(ms: number, hasFound: boolean, signal: AbortSignal): Promise<void>
}

/**
 * Gathers notifications, which every worker hears: who finds nothing after one, as another was sooner, pauses a little longer
 * after the next, and who finds something looks at once. So a few workers look, whatever their number and the rate.
 */
export const createWakeUp = (random: () => number = Math.random): WakeUp => {
  let isNotified = false
  let wasNotified = false
  let pauseMs = 0
  let leastMs = 0
  let wake: (() => void) | null = null

  const rest = (ms: number, signal: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      if (isNotified || signal.aborted) return resolve()
      const end = () => {
        clearTimeout(timer)
        signal.removeEventListener('abort', end)
        wake = null
        resolve()
      }
      const timer = setTimeout(end, ms)
      signal.addEventListener('abort', end)
      wake = end
    })

  return {
    notify: (least = 0) => {
      isNotified = true
      leastMs = Math.max(leastMs, least)
      wake?.()
    },
    wait: async (ms, hasFound, signal) => {
      if (hasFound) pauseMs = 0
      else if (wasNotified) pauseMs = Math.min(MAX_PAUSE_MS, Math.max(FIRST_PAUSE_MS, pauseMs * 2))
      await rest(ms, signal)
      wasNotified = isNotified
      const pause = Math.max(pauseMs, leastMs)
      if (isNotified && pause > 0) await sleep(pause * (0.5 + random() / 2), undefined, { signal }).catch(() => {})
      isNotified = false
      leastMs = 0
    },
  }
}
