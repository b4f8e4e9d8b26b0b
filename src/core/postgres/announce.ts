import { channelSql } from './connection/installation.ts'
import type { Pool } from './pool.ts'

const GAP_MS = 5

type Announcer = { isBusy: boolean; isWanted: boolean }

// What is on its way belongs to the pool that it goes through.
const announcers = new WeakMap<Pool, Map<string, Announcer>>()

/**
 * Wakes the relays that listen on this channel. To be called after the commit: a notification inside a transaction would make
 * commits wait for each other. One is on its way at a time, and whoever asks meanwhile shares the next, which follows some
 * milliseconds later. What fails is left to the relays' own look a moment later.
 */
export const announce = (pool: Pool, channel: string): void => {
  const announcer = announcerOf(pool, channel)
  announcer.isWanted = true
  if (!announcer.isBusy) void notify(pool, channel, announcer)
}

const announcerOf = (pool: Pool, channel: string): Announcer => {
  const ofPool = announcers.get(pool) ?? new Map<string, Announcer>()
  announcers.set(pool, ofPool)
  const announcer = ofPool.get(channel) ?? { isBusy: false, isWanted: false }
  ofPool.set(channel, announcer)
  return announcer
}

const notify = async (pool: Pool, channel: string, announcer: Announcer): Promise<void> => {
  announcer.isBusy = true
  announcer.isWanted = false
  const gap = Promise.withResolvers<void>()
  setTimeout(gap.resolve, GAP_MS).unref()
  await pool.query(`select pg_notify(${channelSql('$1')}, '')`, [channel]).catch(() => {})
  if (announcer.isWanted) await gap.promise
  announcer.isBusy = false
  if (announcer.isWanted) void notify(pool, channel, announcer)
}
