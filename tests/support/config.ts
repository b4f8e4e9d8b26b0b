import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { ConfigError } from '../../src/core/process/config.ts'

/** The message of the `ConfigError`, or null when there is none. */
export const faultOf = (read: () => unknown): string | null => {
  try {
    read()
    return null
  } catch (error) {
    if (error instanceof ConfigError) return error.message
    throw error
  }
}

/** The path of a file that is there for one test. */
export const fileWith = (content: string): string => {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-config-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'value')
  writeFileSync(path, content)
  return path
}
