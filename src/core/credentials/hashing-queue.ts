import { randomUUID } from 'node:crypto'
import { availableParallelism } from 'node:os'
import PQueue from 'p-queue'

/** Thrown when more hashing is waiting than can be done soon; nothing was started. */
export class HashingOverloaded extends Error {
  override name = 'HashingOverloaded' as const
}

export type HashWork = { priority: 'sign-in' | 'registration'; signal: AbortSignal }

export type HashingQueue = {
  /**
   * Runs it when its turn has come. Rejects at once with `HashingOverloaded` when there is no room, and with the signal's
   * reason when that aborts: what waits is dropped, what has begun keeps its thread to its end.
   */
  add<Result>(work: HashWork, run: () => Promise<Result>): Promise<Result>
  /** Throws `HashingOverloaded` when such work would be refused now: then nothing else need be done for it. */
  checkRoom(priority: HashWork['priority']): void
  /** How many pieces of work wait for a thread. */
  waiting(): number
}

// A longer line makes everybody wait longer and gets no more done.
const WAIT_MS = 750
const WAIT_OF_EACH_KIND_MS = 375
// What one piece took longer was the machine's hiccup, not the next piece's time.
const MAX_OUTLIER = 3
const PRIORITIES = { 'sign-in': 1, registration: 0 }
const NEXT = 2

/**
 * At most as many pieces at once as there are cores, and three quarters of a second of work that waits; of this a half is kept for each kind, and
 * room for one however long it takes. A sign-in goes before the registrations that wait, and one of them before the next sign-in.
 * `pieceMs` is what a piece takes, as a start.
 */
export const createHashingQueue = (pieceMs: number): HashingQueue => {
  const queue = new PQueue({ concurrency: availableParallelism() })
  const lines = { 'sign-in': new Set<string>(), registration: new Set<string>() }
  let averageMs = pieceMs
  const msOf = (pieces: number) => (pieces * averageMs) / queue.concurrency

  const checkRoom = (priority: HashWork['priority']): void => {
    const { size } = lines[priority]
    const isFull = msOf(queue.size + 1) > WAIT_MS && msOf(size + 1) > WAIT_OF_EACH_KIND_MS
    if (isFull && size > 0 && queue.pending === queue.concurrency)
      throw new HashingOverloaded('too much hashing is waiting')
  }

  const start = async <Result>(priority: HashWork['priority'], run: () => Promise<Result>): Promise<Result> => {
    const [longestWaiting] = lines.registration
    if (priority === 'sign-in' && longestWaiting !== undefined) queue.setPriority(longestWaiting, NEXT)
    const begun = performance.now()
    const result = await run()
    averageMs += (Math.min(performance.now() - begun, MAX_OUTLIER * averageMs) - averageMs) / 10
    return result
  }

  return {
    add: async ({ priority, signal }, run) => {
      checkRoom(priority)
      const id = randomUUID()
      const leaving = leaveOnAbort(signal, () => lines[priority].delete(id))
      lines[priority].add(id)
      const begin = () => {
        leaving.stop()
        lines[priority].delete(id)
        return start(priority, run)
      }
      const result = await queue.add(begin, { id, priority: PRIORITIES[priority], signal: leaving.signal })
      signal.throwIfAborted()
      return result
    },
    checkRoom,
    waiting: () => queue.size,
  }
}

/**
 * A signal that follows another until it is stopped. Given the request's own, the queue would hand on the place of who goes
 * while his piece still runs, and so more pieces would run than there are cores.
 */
const leaveOnAbort = (signal: AbortSignal, leave: () => void): { signal: AbortSignal; stop(): void } => {
  signal.throwIfAborted()
  const leaving = new AbortController()
  const follow = () => {
    leave()
    leaving.abort(signal.reason)
  }
  signal.addEventListener('abort', follow, { once: true })
  return { signal: leaving.signal, stop: () => signal.removeEventListener('abort', follow) }
}
