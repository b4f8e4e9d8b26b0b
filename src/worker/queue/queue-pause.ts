import { setTimeout as sleep } from 'node:timers/promises'
import type { Queue } from 'bullmq'

// Above every limit of jobs per second: the counter of the window that is open stays below it, and a pause lies above.
const PAUSED = 1_000_001

/** Milliseconds for which no worker takes a job; 0 or less when the queue is not paused. */
export const pausedForMs = (queue: Queue): Promise<number> => queue.getRateLimitTtl(PAUSED)

// So long after its look another worker may still put a shorter pause in the place of ours.
const RACE_MS = 200
const SLACK_MS = 50

/** Lets no worker take a job for so many milliseconds; a longer pause that holds already, or is asked for at the same moment, stays. */
export const pauseQueue = async (queue: Queue, ms: number): Promise<void> => {
  const until = performance.now() + ms
  if (!(await oneAfterTheOther(queue, () => lengthen(queue, until))) || ms <= RACE_MS) return
  await sleep(RACE_MS * (0.5 + Math.random()), undefined, { ref: false })
  await oneAfterTheOther(queue, () => lengthen(queue, until))
}

/** Gives false when the pause that holds is long enough. */
const lengthen = async (queue: Queue, until: number): Promise<boolean> => {
  const leftMs = Math.ceil(until - performance.now())
  if ((await pausedForMs(queue)) >= leftMs - SLACK_MS) return false
  await queue.rateLimit(leftMs)
  return true
}

const lastOf = new WeakMap<Queue, Promise<unknown>>()

/** BullMQ cannot look and set in one, so this process does one after the other. */
const oneAfterTheOther = <Result>(queue: Queue, work: () => Promise<Result>): Promise<Result> => {
  const last = (lastOf.get(queue) ?? Promise.resolve()).then(work, work)
  lastOf.set(queue, last)
  return last
}
