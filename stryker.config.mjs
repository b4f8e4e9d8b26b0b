import { room } from './tests/mutants/rooms.ts'

// `make mutants` changes the decisions one by one, and a test has to fail each time; what may stay is in tests/mutants/survivors.md.
const { name, mutate } = room()

export default {
  testRunner: 'vitest',
  vitest: { configFile: 'tests/mutants/vitest.config.ts', related: false },
  // TypeScript 7 has no API for Stryker; Node.js and Vitest need no tsconfig.
  tsconfigFile: 'none.json',
  mutate,
  // Of other rooms, which may be run beside this one.
  ignorePatterns: ['.stryker'],
  appendPlugins: ['./tests/mutants/ignore-prose.ts'],
  ignorers: ['prose'],
  coverageAnalysis: 'perTest',
  concurrency: 1,
  timeoutMS: 20_000,
  tempDirName: `.stryker/${name}`,
  reporters: ['clear-text', 'json'],
  jsonReporter: { fileName: `.stryker/${name}.json` },
  clearTextReporter: { allowColor: false, logTests: false, reportTests: false },
  warnings: { slow: false },
  thresholds: { high: 95, low: 90, break: 90 },
}
