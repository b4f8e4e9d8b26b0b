/** @import { Answer } from './api.js' */

const WHILE_QUEUED_MS = 1000
const WHILE_SENT_MS = 2000
const WHEN_REFUSED_MS = 3000

/**
 * Asks for the state of the registration until nothing changes by itself any more, and not while nobody looks at the page.
 * @param {() => Promise<Answer>} read
 * @param {(answer: Answer) => void} tell
 * @param {AbortSignal} signal
 */
export async function watch(read, tell, signal) {
  let pauseMs = WHILE_QUEUED_MS
  while (pauseMs > 0) {
    await pause(pauseMs, signal)
    await visible(signal)
    if (signal.aborted) return
    const answer = await read()
    if (signal.aborted) return
    tell(answer)
    pauseMs = pauseAfter(answer)
  }
}

/** In milliseconds; 0: there is nothing more to wait for. @param {Answer} answer */
function pauseAfter({ user, refusal }) {
  if (refusal !== null) {
    if (refusal.problem === 'unauthenticated') return 0
    return Math.max(WHEN_REFUSED_MS, refusal.retryAfterSeconds * 1000)
  }
  if (user.code?.status === 'queued') return WHILE_QUEUED_MS
  return user.code?.status === 'sent' ? WHILE_SENT_MS : 0
}

/** @param {number} ms @param {AbortSignal} signal @returns {Promise<void>} */
function pause(ms, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    signal.addEventListener('abort', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}

/** @param {AbortSignal} signal @returns {Promise<void>} */
function visible(signal) {
  return new Promise((resolve) => {
    if (!document.hidden) return resolve()
    document.addEventListener('visibilitychange', () => resolve(), { once: true, signal })
    signal.addEventListener('abort', () => resolve())
  })
}
