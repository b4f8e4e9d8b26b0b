import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'

const LAST_CHARACTERS = 2000

/** Waits for `ready`. Rejects at once, with the last that the process has logged to its pipes, when it ends before that. */
export const untilReady = async (child: ChildProcess, ready: Promise<unknown>): Promise<void> => {
  let log = ''
  for (const pipe of [child.stdout, child.stderr])
    pipe?.on('data', (chunk) => {
      log = `${log}${chunk}`.slice(-LAST_CHARACTERS)
    })
  const ended = once(child, 'close').then(([code, signal]) => {
    throw new Error(`${child.spawnargs.join(' ')} ended with ${signal ?? code} before it was ready:\n${log}`)
  })
  await Promise.race([ready, ended])
}
