import type { Queue } from 'bullmq'

// Above every limit of jobs per second: the counter of the window that is open stays below it, and a pause lies above.
const PAUSED = 1_000_001

/** Milliseconds for which no worker takes a job; 0 or less when the queue is not paused. */
export const pausedForMs = (queue: Queue): Promise<number> => queue.getRateLimitTtl(PAUSED)

/** Lets no worker take a job for so many milliseconds; a longer pause that holds already stays. */
export const pauseQueue = async (queue: Queue, ms: number): Promise<void> => {
  if ((await pausedForMs(queue)) < ms) await queue.rateLimit(ms)
}
