import { defineConfig } from 'vitest/config'

const UNIT = ['tests/**/*.unit.test.ts', 'tests/architecture.test.ts']

export default defineConfig({
  test: {
    projects: [
      { test: { name: 'unit', include: UNIT } },
      {
        test: {
          name: 'integration',
          include: ['tests/**/*.test.ts'],
          exclude: [...UNIT, 'tests/soak/**'],
          globalSetup: 'tests/support/servers.ts',
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
})
