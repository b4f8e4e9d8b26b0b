import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import type { TestProject } from 'vitest/node'
import { docker } from './docker.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** The name under which Docker Compose keeps what these tests start. */
    project: string
  }
}

/** Builds the images once, and leaves nothing of the project behind, however the tests end; Ctrl-C is one way. */
export default async ({ provide }: TestProject): Promise<void> => {
  const project = `latchkey-test-${randomBytes(4).toString('hex')}`
  const compose = ['compose', '--project-name', project]
  process.once('exit', () => spawnSync('docker', [...compose, 'down', '--volumes', '--timeout', '1']))
  const begun = performance.now()
  await docker([...compose, 'build'])
  const seconds = ((performance.now() - begun) / 1000).toFixed(1)
  process.stdout.write(`images built in ${seconds} s (what was built before is not built again)\n`)
  provide('project', project)
}
