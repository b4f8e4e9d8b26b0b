import { matchesGlob, relative } from 'node:path'
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'
import { COMPILE_CACHE } from '../../dev/child.ts'
import { PATIENT } from '../support/patient.ts'
import { room } from './rooms.ts'

const { tests, providers, isOnTables } = room()

// A run ends at the first test that fails.
class AsListed extends BaseSequencer {
  override sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const { root } = this.ctx.config
    const rankOf = ({ moduleId }: TestSpecification) =>
      tests.findIndex((pattern) => matchesGlob(relative(root, moduleId), pattern))
    return Promise.resolve(files.toSorted((one, other) => rankOf(one) - rankOf(other)))
  }
}

// For Vitest's workers, which take it from here.
process.env.NODE_COMPILE_CACHE ??= COMPILE_CACHE

export default defineConfig({
  test: {
    include: tests,
    maxWorkers: 1,
    sequence: { sequencer: AsListed },
    ...(providers !== undefined && { env: { PROVIDERS: providers } }),
    testTimeout: 60_000,
    hookTimeout: 60_000,
    expect: { poll: { ...PATIENT, timeout: 30_000 } },
    ...(isOnTables && { globalSetup: 'tests/support/postgres.ts', provide: { redisKind: 'single' as const } }),
  },
})
