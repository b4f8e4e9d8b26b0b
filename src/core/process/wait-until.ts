import { setTimeout as sleep } from 'node:timers/promises'
import { ConfigError } from './config.ts'
import type { Logger } from './logger.ts'
import { describeBriefly } from './outage-log.ts'

const PAUSE_MS = 500

/**
 * Tries again until `work` succeeds, says in the log once what it waits for, and rejects when `signal` aborts or when the fault is
 * one of the configuration, which does not pass.
 */
export const waitUntil = async <Result>(
  what: string,
  work: () => Promise<Result>,
  tools: { logger: Logger; signal: AbortSignal },
): Promise<Result> => {
  for (let tries = 0; ; tries += 1) {
    try {
      const result = await work()
      if (tries > 0) tools.logger.info(`${what} is available`)
      return result
    } catch (err) {
      if (err instanceof ConfigError) throw err
      if (tries === 0) tools.logger.warn({ reason: describeBriefly(err) }, `waiting for ${what}`)
    }
    await sleep(PAUSE_MS, undefined, { signal: tools.signal })
  }
}
