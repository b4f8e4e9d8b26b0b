import { defineConfig } from 'vitest/config'
import { room } from './rooms.ts'

const { tests, providers, isOnTables } = room()

export default defineConfig({
  test: {
    include: tests,
    maxWorkers: 1,
    ...(providers !== undefined && { env: { PROVIDERS: providers } }),
    testTimeout: 60_000,
    hookTimeout: 60_000,
    ...(isOnTables && { globalSetup: 'tests/support/postgres.ts', provide: { redisKind: 'single' as const } }),
  },
})
