import { defineConfig } from 'vitest/config'

const UNIT = ['tests/**/*.unit.test.ts', 'tests/architecture.test.ts']

// .ci/run counts from this report.
const report = process.env.VITEST_JSON

export default defineConfig({
  test: {
    ...(report && { reporters: ['default', 'json'], outputFile: { json: report } }),
    projects: [
      { test: { name: 'unit', include: UNIT, testTimeout: 60_000 } },
      {
        test: {
          name: 'integration',
          include: ['tests/**/*.test.ts'],
          exclude: [...UNIT, 'tests/soak/**', 'tests/docker/**'],
          globalSetup: 'tests/support/servers.ts',
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
})
