import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'

const RECONNECT_MS = 1000

/**
 * Calls `onNotify` for every notification on the channel, and once after each (re)connection, as some may have been missed.
 * A lost connection is opened again every second until `signal` aborts. Needs a direct connection, no transaction pooler.
 */
export const listen = async (
  databaseUrl: string,
  channel: string,
  onNotify: () => void,
  signal: AbortSignal,
): Promise<void> => {
  while (!signal.aborted) {
    const client = new pg.Client({
      connectionString: databaseUrl,
      application_name: 'latchkey-listen',
      keepAlive: true,
      connectionTimeoutMillis: 3000,
    })
    const ended = new Promise<void>((resolve) => client.once('end', resolve).on('error', () => resolve()))
    const stop = () => void client.end().catch(() => {})
    client.on('notification', onNotify)
    signal.addEventListener('abort', stop, { once: true })
    try {
      await client.connect()
      await client.query(`listen ${client.escapeIdentifier(channel)}`)
      onNotify()
      await ended
    } catch {
      // The relay's timer goes on meanwhile; its own statements say in the log what is wrong.
    }
    signal.removeEventListener('abort', stop)
    stop()
    await sleep(RECONNECT_MS, undefined, { signal }).catch(() => {})
  }
}
