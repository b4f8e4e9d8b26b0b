import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inject } from 'vitest'

export const hasPromtool = inject('hasPromtool')

export const RULES = join(import.meta.dirname, '../../ops/prometheus/alerts.yml')

/** What promtool says, and its exit code. It must end by itself: nothing is left running. */
export const promtool = (args: string[], input = '') => {
  const { status, stdout, stderr } = spawnSync('promtool', args, { input, encoding: 'utf8', timeout: 30_000 })
  return { status, output: stdout + stderr }
}

/** The same on a file of its own; JSON is YAML too. */
export const promtoolOn = async (command: string[], document: unknown) => {
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-promtool-'))
  const file = join(folder, 'input.yml')
  try {
    await writeFile(file, JSON.stringify(document))
    return promtool([...command, file])
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
