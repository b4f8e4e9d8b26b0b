import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'

const ROOT = join(import.meta.dirname, '..')

/** For `NODE_COMPILE_CACHE`. Node.js keeps there what it has compiled, and then need not load its own compiler of types: 25 MB less, and half the time to start. */
export const COMPILE_CACHE = join(ROOT, 'node_modules', '.cache', 'node')

const DIE_WITH_PARENT = join(import.meta.dirname, 'die-with-parent.ts')

export type Child = {
  process: ChildProcess
  /** Resolves when the program ends with 0, rejects when it ends otherwise. */
  ended: Promise<void>
  stop(): Promise<void>
}

/** Runs one of our programs. Its own process group keeps the terminal's Ctrl-C from it: whoever started it stops it in order. */
export const startChild = (program: string, environment: NodeJS.ProcessEnv, output: NodeJS.WritableStream): Child => {
  const child = spawn(process.execPath, ['--import', DIE_WITH_PARENT, join(ROOT, program)], {
    cwd: ROOT,
    // Else glibc keeps memory for each of a dozen threads that hardly use any: 2 MB.
    env: { NODE_COMPILE_CACHE: COMPILE_CACHE, MALLOC_ARENA_MAX: '2', ...environment },
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  })
  child.stdout?.pipe(output, { end: false })
  const ended = new Promise<void>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code, signal) =>
      code === 0 ? resolve() : reject(new Error(`${program} ended with ${signal ?? code}`)),
    )
  })
  ended.catch(() => {})
  return {
    process: child,
    ended,
    stop: async () => {
      child.kill('SIGTERM')
      await ended.catch(() => {})
    },
  }
}
