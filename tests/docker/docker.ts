import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'

const ROOT = join(import.meta.dirname, '../..')
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024

const run = promisify(execFile)

/** What `docker` prints, without the last line's end. Rejects with its own words. */
export const docker = async (args: string[], environment: NodeJS.ProcessEnv = {}): Promise<string> => {
  const options = { cwd: ROOT, env: { ...process.env, ...environment }, maxBuffer: MAX_OUTPUT_BYTES }
  return (await run('docker', args, options)).stdout.trimEnd()
}

/** The lines of what it prints. */
export const dockerLines = async (args: string[], environment?: NodeJS.ProcessEnv): Promise<string[]> =>
  (await docker(args, environment)).split('\n').filter((line) => line !== '')
