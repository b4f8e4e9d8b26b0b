import { channelSql } from './connection/installation.ts'
import type { Pool } from './pool.ts'

const GAP_MS = 5

type Client = { query(text: string, values: unknown[]): Promise<unknown> }

type Announcer = { isBusy: boolean; isWanted: boolean }

// What is on its way belongs to the pool that it goes through.
const announcers = new WeakMap<Pool, Map<string, Announcer>>()

/**
 * Wakes the relays that listen on this channel. To be called after the commit: a notification inside a transaction would make
 * commits wait for each other. One is on its way at a time, and whoever asks meanwhile shares the next, which follows some
 * milliseconds later. What fails is left to the relays' own look a moment later.
 */
export const announce = async (pool: Pool, channel: string): Promise<void> => {
  const announcer = announcerOf(pool, channel)
  announcer.isWanted = true
  if (!announcer.isBusy) await notify(pool, channel, announcer)
}

/**
 * The same behind a commit that was just sent by `client`, in its packet; the client is free again when `sent` resolves. `left` are to be
 * announced after the commit: one that is on its way already may be sooner than it, and without a client all are.
 */
export const announceBehind = (
  pool: Pool,
  channels: Iterable<string>,
  client: Client | null,
): { sent: Promise<unknown>; left: string[] } => {
  const asked = [...channels]
  const isFree = (channel: string) => !announcerOf(pool, channel).isBusy
  const sent = client ? asked.filter(isFree) : []
  const left = asked.filter((channel) => !sent.includes(channel))
  return {
    sent: Promise.all(sent.map((channel) => notify(client ?? pool, channel, announcerOf(pool, channel), pool))),
    left,
  }
}

const announcerOf = (pool: Pool, channel: string): Announcer => {
  const ofPool = announcers.get(pool) ?? new Map<string, Announcer>()
  announcers.set(pool, ofPool)
  const announcer = ofPool.get(channel) ?? { isBusy: false, isWanted: false }
  ofPool.set(channel, announcer)
  return announcer
}

/** Resolves when it is sent; what was asked for meanwhile follows by `pool`. */
const notify = async (client: Client, channel: string, announcer: Announcer, pool = client): Promise<void> => {
  announcer.isBusy = true
  announcer.isWanted = false
  const gap = Promise.withResolvers<void>()
  setTimeout(gap.resolve, GAP_MS).unref()
  await client.query(`select pg_notify(${channelSql('$1')}, '')`, [channel]).catch(() => {})
  void sendNext(pool, channel, announcer, gap.promise)
}

const sendNext = async (pool: Client, channel: string, announcer: Announcer, gap: Promise<void>): Promise<void> => {
  if (announcer.isWanted) await gap
  announcer.isBusy = false
  if (announcer.isWanted) await notify(pool, channel, announcer)
}
