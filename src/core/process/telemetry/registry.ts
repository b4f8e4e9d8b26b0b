import { collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import { readVersion } from '../version.ts'
import { addEventLoopDelays, HARDLY_EVER } from './event-loop.ts'

export type { Registry } from 'prom-client'

// Gauges, although their names say counter; each has a twin by type without the suffix.
const MISNAMED = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total']

/** A process's registry with Node.js's own figures (event loop delay, memory, garbage collection) and what was built. */
export const createRegistry = (): Registry => {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, ...HARDLY_EVER })
  for (const name of MISNAMED) registry.removeSingleMetric(name)
  addEventLoopDelays(registry)
  new Gauge({
    name: 'latchkey_build_info',
    help: 'Always 1; its labels tell which release runs on which Node.js.',
    labelNames: ['version', 'node'],
    registers: [registry],
  }).set({ version: readVersion(), node: process.versions.node }, 1)
  return registry
}
