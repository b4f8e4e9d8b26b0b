import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from './logger.ts'

const PAUSE_MS = 500
const TRIES_BETWEEN_LOG_LINES = 20

/** Tries again until `attempt` succeeds, says in the log what it waits for, and rejects when `signal` aborts. */
export const waitUntil = async <Result>(
  what: string,
  attempt: () => Promise<Result>,
  tools: { logger: Logger; signal: AbortSignal },
): Promise<Result> => {
  for (let tries = 0; ; tries += 1) {
    try {
      const result = await attempt()
      if (tries > 0) tools.logger.info(`${what}: there now`)
      return result
    } catch (err) {
      if (tries % TRIES_BETWEEN_LOG_LINES === 0) tools.logger.warn({ err }, `waiting for ${what}`)
    }
    await sleep(PAUSE_MS, undefined, { signal: tools.signal })
  }
}
