import { setTimeout as sleep } from 'node:timers/promises'
import type { OutageLog } from '../../process/outage-log.ts'
import { isConflict, isDatabaseUnavailable } from './unavailable.ts'

const CONFLICT_TRIES = 4
const CONFLICT_PAUSE_MS = 50

/** Does it again when another transaction was in the way, and tells `outages` what became of it. */
export const retryOnConflict = async <Result>(outages: OutageLog, work: () => Promise<Result>): Promise<Result> => {
  try {
    const result = await untilNoConflict(work)
    outages.worked()
    return result
  } catch (error) {
    if (isDatabaseUnavailable(error)) outages.failed(error)
    throw error
  }
}

const untilNoConflict = async <Result>(work: () => Promise<Result>): Promise<Result> => {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work()
    } catch (error) {
      if (tries === CONFLICT_TRIES || !isConflict(error)) throw error
    }
    await sleep(Math.random() * CONFLICT_PAUSE_MS)
  }
}
