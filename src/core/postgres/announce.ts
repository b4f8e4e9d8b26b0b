import { type AnnouncedRow, channelOf, payloadOf } from './announced-rows.ts'
import { channelSql } from './connection/installation.ts'
import type { OutboxTable } from './outbox/outbox-rows.ts'
import type { Pool } from './pool.ts'

const GAP_MS = 5
// So that what gathers while PostgreSQL does not answer stays small.
const MOST_NAMED = 100

type Client = { query(text: string, values: unknown[]): Promise<unknown> }

/** The new rows of each table; null when they are not known, or too many to be named. */
export type News = Map<OutboxTable, AnnouncedRow[] | null>

/** `news` is what the next notification is about; undefined when nobody asked for one. */
type Announcer = { isBusy: boolean; news: AnnouncedRow[] | null | undefined }

// What is on its way belongs to the pool that it goes through.
const announcers = new WeakMap<Pool, Map<OutboxTable, Announcer>>()

/**
 * Tells the relays of new rows. To be called after the commit: a notification inside a transaction would make
 * commits wait for each other. One is on its way at a time, and whoever asks meanwhile shares the next, which follows some
 * milliseconds later. What fails is left to the relays' own look a moment later.
 */
export const announce = async (pool: Pool, table: OutboxTable, rows: AnnouncedRow[] | null = null): Promise<void> => {
  const announcer = announcerOf(pool, table)
  announcer.news = joined(announcer.news, rows)
  if (!announcer.isBusy) await notify(pool, table, announcer)
}

/**
 * The same behind a commit that was just sent by `client`, in its packet; the client is free again when `sent` resolves. `left` are to be
 * announced after the commit: one that is on its way already may be sooner than it, and without a client all are.
 */
export const announceBehind = (
  pool: Pool,
  news: News,
  client: Client | null,
): { sent: Promise<unknown>; left: News } => {
  const left: News = new Map()
  const sent: Promise<void>[] = []
  for (const [table, rows] of news) {
    const announcer = announcerOf(pool, table)
    if (!client || announcer.isBusy) left.set(table, rows)
    else {
      announcer.news = joined(announcer.news, rows)
      sent.push(notify(client, table, announcer, pool))
    }
  }
  return { sent: Promise.all(sent), left }
}

/** What two say of the same table. */
export const joined = (
  some: AnnouncedRow[] | null | undefined,
  others: AnnouncedRow[] | null,
): AnnouncedRow[] | null => {
  if (some === undefined || others === null) return others
  const all = some && [...some, ...others]
  return all && all.length > MOST_NAMED ? null : all
}

const announcerOf = (pool: Pool, table: OutboxTable): Announcer => {
  const ofPool = announcers.get(pool) ?? new Map<OutboxTable, Announcer>()
  announcers.set(pool, ofPool)
  const announcer = ofPool.get(table) ?? { isBusy: false, news: undefined }
  ofPool.set(table, announcer)
  return announcer
}

/** Resolves when it is sent; what was asked for meanwhile follows by `pool`. */
const notify = async (client: Client, table: OutboxTable, announcer: Announcer, pool = client): Promise<void> => {
  const payload = payloadOf(announcer.news ?? null)
  announcer.isBusy = true
  announcer.news = undefined
  const gap = Promise.withResolvers<void>()
  setTimeout(gap.resolve, GAP_MS).unref()
  await client.query(`select pg_notify(${channelSql('$1')}, $2)`, [channelOf(table), payload]).catch(() => {})
  void sendNext(pool, table, announcer, gap.promise)
}

const sendNext = async (pool: Client, table: OutboxTable, announcer: Announcer, gap: Promise<void>): Promise<void> => {
  if (announcer.news !== undefined) await gap
  announcer.isBusy = false
  if (announcer.news !== undefined) await notify(pool, table, announcer)
}
