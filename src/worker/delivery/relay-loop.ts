import { setTimeout as sleep } from 'node:timers/promises'
import type { Queue } from 'bullmq'
import { isDatabaseUnavailable } from '../../core/postgres/connection/unavailable.ts'
import { listen } from '../../core/postgres/listen.ts'
import { takeDueRows, takeOffersBack } from '../../core/postgres/outbox/outbox-rows.ts'
import type { Pool } from '../../core/postgres/pool.ts'
import type { Logger } from '../../core/process/logger.ts'
import type { OutageLog } from '../../core/process/outage-log.ts'
import { offerRows } from '../queue/offer-rows.ts'
import type { OutboxKind } from '../queue/outbox-kind.ts'
import { createWakeUp } from './wake-up.ts'

const BATCH = 100
// One worker of all sweeps every second; the others only in case that this one is gone.
const SWEEP_MS = 1000
const IDLE_SWEEP_MS = 5000
const RETRY_MS = 1000

/** Whether it is this worker of all that does what one has to do. */
export type Duty = { isOurs: boolean }

/** `outages` are those of the queue's store. */
export type RelayTools = {
  duty: Duty
  pool: Pool
  queue: Queue
  kind: OutboxKind
  databaseUrl: string
  outages: OutageLog
  logger: Logger
}

/**
 * Moves rows from PostgreSQL to the queue until `signal` aborts: at once when one is announced, and every second, in one worker of all, for what no
 * notification told and for what the queue may have lost. Of the latter a hundred are looked at, so that a backlog rests however
 * large it is; only when some are lost, the next hundred follow at once. Resolves when nothing is in hand any more.
 */
export const runRelay = async (tools: RelayTools, signal: AbortSignal): Promise<void> => {
  const wakeUp = createWakeUp()
  const listening = listen(tools.databaseUrl, tools.kind.channel, wakeUp.notify, signal)
  const relay = reportingFaults(tools)
  let sweepAt = 0
  let fresh = BATCH
  while (!signal.aborted) {
    const isSweep = performance.now() >= sweepAt
    if (isSweep) sweepAt = performance.now() + (tools.duty.isOurs ? SWEEP_MS : IDLE_SWEEP_MS)
    const relayed = await relay({ fresh, again: isSweep ? BATCH : 0 })
    // After a failure one row finds out whether the queue takes rows again.
    fresh = relayed ? BATCH : 1
    if (!relayed) await sleep(RETRY_MS, undefined, { signal }).catch(() => {})
    if (!relayed || relayed.isMoreLost) sweepAt = 0
    else if (!relayed.isMoreFresh)
      await wakeUp.wait(Math.max(0, sweepAt - performance.now()) + 1, relayed.count > 0, signal)
  }
  await listening
}

type Limits = { fresh: number; again: number }
type Relayed = { count: number; isMoreFresh: boolean; isMoreLost: boolean }

/** Gives null when it failed. Of an outage the store's own log tells; of another fault it is one line, until it is over. */
const reportingFaults = (tools: RelayTools) => {
  let isTroubled = false
  return async (limits: Limits): Promise<Relayed | null> => {
    try {
      const relayed = await relayOnce(tools, limits)
      isTroubled = false
      return relayed
    } catch (err) {
      if (!isTroubled && !isDatabaseUnavailable(err))
        tools.logger.error({ queue: tools.kind.queue, err }, 'rows cannot be enqueued: internal error')
      isTroubled = true
      return null
    }
  }
}

const relayOnce = async (
  { pool, queue, kind, outages, logger }: RelayTools,
  limits: Limits,
): Promise<Relayed | null> => {
  const rows = await takeDueRows(pool, kind.table, limits)
  if (rows.length === 0) return { count: 0, isMoreFresh: false, isMoreLost: false }
  const offered = await offerRows(queue, kind, rows).catch(async (error: unknown) => {
    outages.failed(error)
    // Should this fail too, they are offered again some seconds later.
    const ids = rows.map(({ id }) => id)
    await takeOffersBack(pool, kind.table, ids).catch(() => {})
    return null
  })
  if (!offered) return null
  outages.worked()
  const { lost, refused } = offered
  const fields = { queue: kind.queue, count: rows.length }
  logger.debug(fields, 'rows offered to the queue')
  if (refused.length > 0)
    logger.warn({ ...fields, ids: refused }, 'the queue rejects these rows; they are retried with back-off')
  if (lost > 0) logger.warn({ ...fields, lost }, 'rows were missing from the queue and are enqueued again')
  const again = rows.filter(({ offers }) => offers > 1).length
  return {
    count: rows.length,
    isMoreFresh: rows.length - again >= limits.fresh,
    isMoreLost: again > 0 && again >= limits.again && lost > 0,
  }
}
