import { setImmediate as nextIteration } from 'node:timers/promises'
import { Registry } from 'prom-client'
import { expect, test, vi } from 'vitest'
import { createPool, type Pool } from '../../../src/core/postgres/pool.ts'
import { addCommonReadings } from '../../../src/core/process/telemetry/common-readings.ts'
import { createRegistry } from '../../../src/core/process/telemetry/registry.ts'
import { readVersion } from '../../../src/core/process/version.ts'
import { silent } from '../../support/database.ts'

const linesOf = async (registry: Registry) =>
  (await registry.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'))

const poolOf = (name: string, { total = 0, idle = 0, waiting = 0 } = {}): Pool => {
  const pool = createPool('postgres://nobody@127.0.0.1:1/none', { max: 7, name, logger: silent })
  vi.spyOn(pool, 'totalCount', 'get').mockReturnValue(total)
  vi.spyOn(pool, 'idleCount', 'get').mockReturnValue(idle)
  vi.spyOn(pool, 'waitingCount', 'get').mockReturnValue(waiting)
  return pool
}

test('both processes tell their health, what waits, and how each pool is used', async () => {
  const pool = poolOf('first')
  vi.spyOn(pool, 'query').mockImplementation(async (statement) => {
    expect(String(statement)).toContain('from mails')
    const row = String(statement).includes('unsettled') ? { unsettled: 3, oldestSeconds: 42 } : { ms: 1500 }
    const rows: never[] = JSON.parse(JSON.stringify([row]))
    return { rows, command: 'SELECT', rowCount: 1, oid: 0, fields: [] }
  })
  const pools = [poolOf('first', { total: 5, idle: 2, waiting: 1 }), poolOf('second', { total: 1, idle: 1 })]
  const registry = new Registry()
  const readiness = async () => ({
    database: 'ok' as const,
    queue: 'down: gone' as const,
    circuit: 'degraded: open' as const,
  })
  addCommonReadings(registry, { pool, pools: () => pools, readiness })
  expect(new Set(await linesOf(registry))).toEqual(
    new Set([
      ...['pools', 'readiness', 'mails'].map((source) => `latchkey_scrape_failures_total{source="${source}"} 0`),
      'latchkey_postgres_connections_used{pool="first"} 3',
      'latchkey_postgres_connections_used{pool="second"} 0',
      'latchkey_postgres_connections_idle{pool="first"} 2',
      'latchkey_postgres_connections_idle{pool="second"} 1',
      'latchkey_postgres_connections_limit{pool="first"} 7',
      'latchkey_postgres_connections_limit{pool="second"} 7',
      'latchkey_postgres_waiting{pool="first"} 1',
      'latchkey_postgres_waiting{pool="second"} 0',
      'latchkey_check_ok{check="database"} 1',
      'latchkey_check_ok{check="queue"} 0',
      'latchkey_check_ok{check="circuit"} 0',
      'latchkey_mails_unsettled 3',
      'latchkey_mail_oldest_unsettled_age_seconds 42',
      'latchkey_relay_lag_seconds 1.5',
    ]),
  )
})

test('a registry tells of Node.js and of what was built, and names no gauge a counter', async () => {
  const lines = await linesOf(createRegistry())
  expect(lines).toContain(`latchkey_build_info{version="${readVersion()}",node="${process.versions.node}"} 1`)
  expect(lines.some((line) => line.startsWith('nodejs_eventloop_lag_seconds '))).toBe(true)
  expect(lines.filter((line) => /^nodejs_active_\w+_total/.test(line))).toEqual([])
})

test('what keeps the event loop is seen, and nothing wakes it to look', async () => {
  const registry = createRegistry()
  const secondsOf = (line = '') => Number(line.split(' ')[1])
  for (let iteration = 0; iteration < 20; iteration += 1) await nextIteration()
  const until = performance.now() + 60
  while (performance.now() < until);
  await nextIteration()
  const lines = await linesOf(registry)
  const [min, p99, max] = ['min', 'p99', 'max'].map((figure) =>
    secondsOf(lines.find((line) => line.startsWith(`nodejs_eventloop_lag_${figure}_seconds `))),
  )
  expect(max).toBeGreaterThanOrEqual(0.06)
  expect(p99).toBe(max)
  // A timer of 10 ms would see no less than that.
  expect(min).toBeLessThan(0.01)
})
