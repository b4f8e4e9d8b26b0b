import { setTimeout as sleep } from 'node:timers/promises'
import type { Queue } from 'bullmq'
import { channelOf } from '../../core/postgres/announced-rows.ts'
import { isDatabaseUnavailable } from '../../core/postgres/connection/unavailable.ts'
import { listen } from '../../core/postgres/listen.ts'
import { type OfferedRow, takeDueRows, takeOffersBack } from '../../core/postgres/outbox/outbox-rows.ts'
import type { Pool } from '../../core/postgres/pool.ts'
import type { Logger } from '../../core/process/logger.ts'
import type { OutageLog } from '../../core/process/outage-log.ts'
import { offerRows } from '../queue/offer-rows.ts'
import type { OutboxKind } from '../queue/outbox-kind.ts'
import { createHeardRows, createNamedRows, type Duty, type NamedRows } from './heard-rows.ts'
import { createWakeUp } from './wake-up.ts'

const BATCH = 100
// One worker of all sweeps every second; the others only in case that this one is gone.
const SWEEP_MS = 1000
const IDLE_SWEEP_MS = 5000
const RETRY_MS = 1000

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
  const heard = createHeardRows(tools.duty, wakeUp, BATCH)
  const listening = listen(tools.databaseUrl, channelOf(tools.kind.table), heard.hear, signal)
  const named = createNamedRows()
  const relay = reportingFaults({ ...tools, named })
  let sweepAt = 0
  let fresh = BATCH
  let isMoreFresh = true
  while (!signal.aborted) {
    const isSweep = performance.now() >= sweepAt
    if (isSweep) {
      sweepAt = performance.now() + (tools.duty.isOurs ? SWEEP_MS : IDLE_SWEEP_MS)
      named.forgetOld()
    }
    const rows = heard.take()
    // What was heard is among what a look finds.
    const relayed = await relay({ rows: isSweep || isMoreFresh ? null : rows, fresh, again: isSweep ? BATCH : 0 })
    isMoreFresh = relayed?.isMoreFresh ?? true
    // After a failure one row finds out whether the queue takes rows again.
    fresh = relayed ? BATCH : 1
    if (!relayed) await sleep(RETRY_MS, undefined, { signal }).catch(() => {})
    if (!relayed || relayed.isMoreLost) sweepAt = 0
    else if (!isMoreFresh) await wakeUp.wait(Math.max(0, sweepAt - performance.now()) + 1, relayed.count > 0, signal)
  }
  await listening
}

/** The rows to be offered; null when up to so many are to be looked for. */
type Wanted = { rows: OfferedRow[] | null; fresh: number; again: number }
type Relayed = { count: number; isMoreFresh: boolean; isMoreLost: boolean }

/** Gives null when it failed. Of an outage the store's own log tells; of another fault it is one line, until it is over. */
const reportingFaults = (tools: RelayTools & { named: NamedRows }) => {
  let isTroubled = false
  return async (wanted: Wanted): Promise<Relayed | null> => {
    try {
      const relayed = await relayOnce(tools, wanted)
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
  { pool, queue, kind, outages, logger, named }: RelayTools & { named: NamedRows },
  wanted: Wanted,
): Promise<Relayed | null> => {
  const rows = wanted.rows ?? (await takeDueRows(pool, kind.table, wanted))
  if (rows.length === 0) return { count: 0, isMoreFresh: false, isMoreLost: false }
  const offered = await offerRows(
    queue,
    kind,
    rows.filter(({ id, offers }) => offers > 1 || !named.has(id)),
  ).catch(async (error: unknown) => {
    outages.failed(error)
    // Should this fail too, they are offered again some seconds later.
    const ids = rows.map(({ id }) => id)
    await takeOffersBack(pool, kind.table, ids).catch(() => {})
    return null
  })
  if (!offered) return null
  outages.worked()
  const { lost, refused } = offered
  if (wanted.rows) named.add(rows.filter(({ id }) => !refused.includes(id)))
  const fields = { queue: kind.queue, count: rows.length }
  logger.debug(fields, 'rows offered to the queue')
  if (refused.length > 0)
    logger.warn({ ...fields, ids: refused }, 'the queue rejects these rows; they are retried with back-off')
  if (lost > 0) logger.warn({ ...fields, lost }, 'rows were missing from the queue and are enqueued again')
  const again = rows.filter(({ offers }) => offers > 1).length
  return {
    count: rows.length,
    isMoreFresh: !wanted.rows && rows.length - again >= wanted.fresh,
    isMoreLost: again > 0 && again >= wanted.again && lost > 0,
  }
}
