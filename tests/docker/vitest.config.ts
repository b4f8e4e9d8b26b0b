import { defineConfig } from 'vitest/config'

// `make test-docker`. Apart from the other tests, as it needs Docker; one file after the other, as each brings up a whole system.
export default defineConfig({
  test: {
    include: ['tests/docker/**/*.test.ts'],
    globalSetup: 'tests/docker/project.ts',
    fileParallelism: false,
    disableConsoleIntercept: true,
    testTimeout: 1_500_000,
    hookTimeout: 600_000,
  },
})
