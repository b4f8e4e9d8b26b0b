import { defineConfig } from 'vitest/config'
import { COMPILE_CACHE } from './dev/child.ts'
import { LongestFirst } from './tests/support/longest-first.ts'
import { PATIENT } from './tests/support/patient.ts'

const UNIT = ['tests/**/*.unit.test.ts', 'tests/architecture.test.ts']

// What the workers' tests find in `REDIS_URL`: a single Redis, or one behind Sentinels, or a Cluster.
const KINDS = ['single', 'sentinel', 'cluster'] as const
const redisKind = KINDS.find((kind) => kind === (process.env.REDIS_KIND ?? 'single'))
if (!redisKind) throw new Error(`REDIS_KIND must be one of ${KINDS.join(', ')}`)

// Every run has these on the other kinds, too; `make test-sentinel` and `make test-cluster` have all.
const ON_OTHER_KINDS = ['journey', 'worker/delivery', 'worker/queue-loss', 'worker/several-workers']

// .ci/run counts from this report.
const report = process.env.VITEST_JSON

// Of tests that may run side by side.
const AT_ONCE = 2

// Not isolated: to load the service anew for each file took a quarter of the CPU of all tests. So a file leaves nothing behind in
// its process: what it spies on it restores, what it opens it closes.
const COMMON = {
  isolate: false,
  maxConcurrency: AT_ONCE,
  testTimeout: 3 * PATIENT.timeout,
  hookTimeout: 3 * PATIENT.timeout,
  expect: { poll: PATIENT },
}

const ON_SERVERS = { ...COMMON, globalSetup: 'tests/support/servers.ts' }

// Most of a test's time is waiting for processes and their time limits, so more run than there are cores.
const MAX_WORKERS = 6

// For Vitest's workers, which take it from here.
process.env.NODE_COMPILE_CACHE ??= COMPILE_CACHE

export default defineConfig({
  test: {
    maxWorkers: MAX_WORKERS,
    sequence: { sequencer: LongestFirst },
    globalSetup: 'tests/support/postgres.ts',
    ...(report && { reporters: ['default', 'json'], outputFile: { json: report } }),
    projects: [
      { test: { name: 'unit', include: UNIT, ...COMMON } },
      {
        test: {
          name: 'integration',
          include: ['tests/**/*.test.ts'],
          exclude: [...UNIT, 'tests/docker/**'],
          provide: { redisKind },
          ...ON_SERVERS,
        },
      },
      ...(['sentinel', 'cluster'] as const).map((kind) => ({
        test: {
          name: kind,
          include: ON_OTHER_KINDS.map((name) => `tests/${name}.test.ts`),
          provide: { redisKind: kind },
          ...ON_SERVERS,
        },
      })),
    ],
  },
})
