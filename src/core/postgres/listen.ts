import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { channelSql } from './connection/installation.ts'
import { rowOf } from './connection/row-of.ts'
import { withSession } from './connection/session.ts'
import { KEEP_ALIVE_DELAY_MS } from './pool.ts'

const RECONNECT_MS = 1000
const CONNECT_TIMEOUT_MS = 3000
const ASK_EVERY_MS = 10_000
const ANSWER_TIMEOUT_MS = 3000

/**
 * Calls `onNotify` with the payload of every notification on this installation's channel, and with an empty one after each
 * (re)connection, as some may have been missed.
 * A lost connection is opened again every second until `signal` aborts. Needs a direct connection, no transaction pooler.
 */
export const listen = async (
  databaseUrl: string,
  channel: string,
  onNotify: (payload: string) => void,
  signal: AbortSignal,
): Promise<void> => {
  while (!signal.aborted) {
    const client = new pg.Client({
      connectionString: withSession(databaseUrl),
      application_name: 'latchkey-listen',
      keepAlive: true,
      keepAliveInitialDelayMillis: KEEP_ALIVE_DELAY_MS,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      query_timeout: ANSWER_TIMEOUT_MS,
    })
    client.on('notification', ({ payload = '' }) => onNotify(payload))
    // An abort ends the wait by itself: pg settles no `connect` that is cut short.
    await unlessAborted(
      listenUntilLost(client, channel, () => onNotify('')),
      signal,
    )
    void client.end().catch(() => {})
    await sleep(RECONNECT_MS, undefined, { signal }).catch(() => {})
  }
}

/** Not `Promise.race`: what lives as long as the process would gather a reaction for each connection. */
const unlessAborted = (work: Promise<void>, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const end = () => {
      signal.removeEventListener('abort', end)
      resolve()
    }
    signal.addEventListener('abort', end)
    void work.then(end)
  })

/** Resolves when the connection is lost or could not be made; the relay's own statements say in the log what is wrong. */
const listenUntilLost = async (client: pg.Client, channel: string, onListening: () => void): Promise<void> => {
  const lost = new AbortController()
  client.once('end', () => lost.abort()).on('error', () => lost.abort())
  try {
    await client.connect()
    const named = await client.query<{ name: string }>(`select ${channelSql('$1')} as name`, [channel])
    await client.query(`listen ${client.escapeIdentifier(rowOf(named.rows).name)}`)
    onListening()
    // A proxy may hold a connection open whose server is gone: nothing would ever be heard on it.
    while (!lost.signal.aborted) {
      await sleep(ASK_EVERY_MS, undefined, { ref: false, signal: lost.signal })
      await client.query('select 1')
    }
  } catch {
    // Lost before it began, or silent.
  }
}
