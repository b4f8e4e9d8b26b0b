import type { Registry } from 'prom-client'
import { measureBacklog, measureRelayLag } from '../../postgres/outbox/backlog.ts'
import type { Pool } from '../../postgres/pool.ts'
import type { Readiness } from '../http/ops-app.ts'
import { addReadings } from './readings.ts'

/** What both processes know when they are looked at: health, the mails that wait, and the connections of these pools. */
export const addCommonReadings = (
  registry: Registry,
  { pool, pools, readiness }: { pool: Pool; pools: () => Pool[]; readiness: Readiness },
): void => {
  // First, as they are read in this order: the questions of the others wait for a connection too.
  addPools(registry, pools)
  addHealth(registry, readiness)
  addBacklog(registry, pool)
}

const addHealth = (registry: Registry, readiness: Readiness): void =>
  addReadings(
    registry,
    'readiness',
    { latchkey_check_ok: { help: 'Whether a part that /readyz names is well: 1 or 0.', label: 'check' } },
    async () => ({
      latchkey_check_ok: Object.fromEntries(
        Object.entries(await readiness()).map(([check, state]) => [check, state === 'ok' ? 1 : 0]),
      ),
    }),
  )

// In the api too: how many mails wait must be known when no worker is left.
const addBacklog = (registry: Registry, pool: Pool): void =>
  addReadings(
    registry,
    'mails',
    {
      latchkey_mails_unsettled: { help: 'Mails that have to leave and have not ended, over all processes.' },
      latchkey_mail_oldest_unsettled_age_seconds: { help: 'Age of the oldest of them; 0 when there is none.' },
      latchkey_relay_lag_seconds: { help: 'Age of the oldest mail that no relay has offered to the queue yet.' },
    },
    async () => {
      const [backlog, relayLagMs] = await Promise.all([measureBacklog(pool, 'mails'), measureRelayLag(pool, 'mails')])
      return {
        latchkey_mails_unsettled: backlog.unsettled,
        latchkey_mail_oldest_unsettled_age_seconds: backlog.oldestSeconds,
        latchkey_relay_lag_seconds: relayLagMs / 1000,
      }
    },
  )

const addPools = (registry: Registry, pools: () => Pool[]): void => {
  const nameOf = ({ options }: Pool) => options.application_name ?? 'unnamed'
  const byPool = (count: (pool: Pool) => number) =>
    Object.fromEntries(pools().map((pool) => [nameOf(pool), count(pool)]))
  addReadings(
    registry,
    'pools',
    {
      latchkey_postgres_connections_used: { help: 'Connections to PostgreSQL that run a statement.', label: 'pool' },
      latchkey_postgres_connections_idle: { help: 'Connections to PostgreSQL that are open and free.', label: 'pool' },
      latchkey_postgres_connections_limit: { help: 'Connections to PostgreSQL that may be open.', label: 'pool' },
      latchkey_postgres_waiting: { help: 'Pieces of work that wait for a connection to PostgreSQL.', label: 'pool' },
    },
    async () => ({
      latchkey_postgres_connections_used: byPool((pool) => pool.totalCount - pool.idleCount),
      latchkey_postgres_connections_idle: byPool((pool) => pool.idleCount),
      latchkey_postgres_connections_limit: byPool((pool) => pool.options.max),
      latchkey_postgres_waiting: byPool((pool) => pool.waitingCount),
    }),
  )
}
