import { setTimeout as sleep } from 'node:timers/promises'
import { isDatabaseUnavailable } from '../postgres/connection/unavailable.ts'

const PAUSES_MS = [100, 300, 1000, 2000, 4000]

/**
 * Tries to record what has happened until PostgreSQL takes it, for some seconds: what the provider answered is not asked again
 * because a connection broke. `record` must bear being repeated after it succeeded. Once `signal` aborts it is not tried again.
 */
export const untilRecorded = async <Result>(signal: AbortSignal, record: () => Promise<Result>): Promise<Result> => {
  for (const pauseMs of PAUSES_MS) {
    try {
      return await record()
    } catch (error) {
      if (signal.aborted || !isDatabaseUnavailable(error)) throw error
    }
    await sleep(pauseMs, undefined, { signal }).catch(() => {})
  }
  return record()
}
