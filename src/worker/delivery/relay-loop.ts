import { setTimeout as sleep } from 'node:timers/promises'
import type { Queue } from 'bullmq'
import { RELAY_BATCH, relayMails } from '../../core/mail/relay-mails.ts'
import { listen } from '../../core/postgres/listen.ts'
import { giveUpOverdueMails } from '../../core/postgres/mail-outcomes.ts'
import { MAILS_CHANNEL } from '../../core/postgres/mails.ts'
import type { Pool } from '../../core/postgres/pool.ts'
import type { Logger } from '../../core/process/logger.ts'
import type { WorkerMetrics } from '../operators/metrics.ts'
import { offerMails, pausedForMs } from '../queue/mail-queue.ts'

const SWEEP_MS = 1000

export type RelayTools = {
  pool: Pool
  queue: Queue
  databaseUrl: string
  giveUpAfterSeconds: number
  metrics: WorkerMetrics
  logger: Logger
}

/**
 * Moves mails from PostgreSQL to the queue until it is stopped: at once when a registration commits, and every second for
 * what no notification told. A failure is logged and tried again. `stop` resolves when nothing is in hand any more.
 */
export const startRelay = (tools: RelayTools): { stop(): Promise<void> } => {
  const stopping = new AbortController()
  const running = run(tools, stopping.signal)
  return {
    stop: () => {
      stopping.abort()
      return running
    },
  }
}

const run = async (tools: RelayTools, signal: AbortSignal): Promise<void> => {
  const alarm = createAlarm()
  const listening = listen(tools.databaseUrl, MAILS_CHANNEL, () => alarm.ring(), signal)
  while (!signal.aborted) {
    const rung = alarm.next()
    const isMore = await relayOnce(tools)
    if (!isMore) await Promise.race([rung, sleep(SWEEP_MS, undefined, { signal }).catch(() => {})])
  }
  await listening
}

const relayOnce = async ({ pool, queue, giveUpAfterSeconds, metrics, logger }: RelayTools): Promise<boolean> => {
  try {
    const count = await relayMails(pool, (mails) => offerMails(queue, mails))
    if (count > 0) logger.debug({ count }, 'mails offered to the queue')
    // While the queue is paused no job runs that could give its mail up.
    if ((await pausedForMs(queue)) > 0) {
      const givenUp = await giveUpOverdueMails(pool, giveUpAfterSeconds)
      metrics.mailsSettled.inc({ outcome: 'given-up' }, givenUp)
      if (givenUp > 0) logger.warn({ count: givenUp }, 'mails were given up while the provider asked us to wait')
    }
    return count === RELAY_BATCH
  } catch (err) {
    logger.warn({ err }, 'mails could not be offered to the queue; they wait in PostgreSQL and are tried again')
    return false
  }
}

/** `next` resolves at the first `ring` after the call, so that no ring between two looks is missed. */
const createAlarm = () => {
  let bell = Promise.withResolvers<void>()
  return {
    ring: () => bell.resolve(),
    next: () => {
      bell = Promise.withResolvers<void>()
      return bell.promise
    },
  }
}
