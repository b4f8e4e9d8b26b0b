import { createLogger, type Logger } from './logger.ts'
import { releaseMemory } from './release-memory.ts'

const DRAIN_LIMIT_MS = 8500

/** Runs the closers in reverse order of their registration when the process is told to stop. */
export type Lifecycle = { onStop(name: string, close: () => Promise<unknown> | unknown): void; stopping: AbortSignal }

/** What a program works with from when it has read its configuration on. */
export type Begin = (level: string, service: string) => Lifecycle & { logger: Logger }

/** Logs to stdout, and ends with the process. */
export const begin: Begin = (level, service) => {
  const logger = createLogger(level, service)
  return { logger, ...createLifecycle(logger) }
}

/**
 * SIGTERM and SIGINT drain and exit with 0 within 10 seconds; a second signal ends the process at once with 1.
 * What nobody caught is logged and ends the process with 1: its state is not known any more.
 */
const createLifecycle = (logger: Logger): Lifecycle => {
  const closers: { name: string; close: () => Promise<unknown> | unknown }[] = []
  const stopping = new AbortController()

  const stop = async (signal: string): Promise<void> => {
    if (stopping.signal.aborted) process.exit(1)
    logger.info({ signal }, 'stopping: work in progress is finished; a second signal ends it now')
    stopping.abort(new Error('the process is stopping'))
    setTimeout(() => {
      logger.warn(
        'stopped before everything was finished; what is left is taken up by another process or after the start',
      )
      process.exit(0)
    }, DRAIN_LIMIT_MS).unref()
    for (const { name, close } of closers.toReversed()) {
      await Promise.resolve()
        .then(close)
        .catch((err: unknown) => logger.warn({ err, part: name }, 'a part did not close cleanly'))
    }
    logger.info('stopped')
    process.exit(0)
  }

  const crash = (err: unknown): void => {
    logger.fatal({ err }, 'uncaught error: the process ends')
    process.exit(1)
  }

  for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => void stop(signal))
  process.on('uncaughtException', crash).on('unhandledRejection', crash)
  return { onStop: (name, close) => void closers.push({ name, close }), stopping: stopping.signal }
}

/** Runs a program in a process of its own. A wrong configuration, a taken port among it, ends it with one message and 1. */
export const run = async (main: () => Promise<void>): Promise<void> => {
  try {
    await main()
    await releaseMemory()
  } catch (error) {
    // Told to stop while it was starting: the lifecycle ends the process.
    if (error instanceof Error && error.name === 'AbortError') return
    const isForOperators = error instanceof Error && error.name === 'ConfigError'
    process.stderr.write(`${isForOperators ? error.message : error instanceof Error ? error.stack : String(error)}\n`)
    process.exit(1)
  }
}
