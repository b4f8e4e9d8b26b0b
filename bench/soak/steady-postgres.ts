import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chown, mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { findFreePort } from '../../dev/free-port.ts'

const PROGRAM = join(import.meta.dirname, '../../dev/postgres-server.ts')
const NOBODY = 65_534
// What was acknowledged must survive the death of the server.
const DURABLE = ['-c', 'fsync=on', '-c', 'synchronous_commit=on', '-c', 'max_connections=300']

export type SteadyPostgres = {
  port: number
  urlOf(database: string): string
  start(): Promise<void>
  /** SIGQUIT ends it at once, as a crash would; SIGINT breaks all connections and ends it in order. */
  stop(signal: 'SIGQUIT' | 'SIGINT'): Promise<void>
}

/** A PostgreSQL that can be stopped and started again: same port, same data. It starts on a copied data folder, too. */
export const startSteadyPostgres = async (dataDir: string, flags: string[] = []): Promise<SteadyPostgres> => {
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  const port = await findFreePort()
  const [command, ...prefix] = await dropRoot(dataDir)
  let keeper: ChildProcess | null = null
  const start = async (): Promise<void> => {
    const started = spawn(command, [...prefix, PROGRAM, dataDir, String(port), 'keep', ...DURABLE, ...flags], {
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    let words = ''
    started.stderr.on('data', (chunk) => {
      words += chunk
    })
    const isReady = await Promise.race([
      once(started.stdout, 'data').then(() => true),
      once(started, 'close').then(() => false),
    ])
    keeper = started
    if (!isReady) throw new Error(words || 'PostgreSQL did not start')
  }
  await start()
  return {
    port,
    urlOf: (database) => `postgres://latchkey:latchkey@127.0.0.1:${port}/${database}`,
    start,
    stop: async (signal) => {
      const pid = Number((await readFile(join(dataDir, 'postmaster.pid'), 'utf8')).split('\n')[0])
      process.kill(pid, signal)
      while (isAlive(pid)) await sleep(20)
      keeper?.kill('SIGKILL')
    },
  }
}

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** As in `dev/embedded-postgres.ts`: PostgreSQL refuses to run as root. */
const dropRoot = async (dataDir: string): Promise<[string, ...string[]]> => {
  if (process.getuid?.() !== 0 || spawnSync('setpriv', ['--version']).status !== 0) return [process.execPath]
  await chown(dataDir, NOBODY, NOBODY)
  const identity = [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups']
  const passage = ['--inh-caps=+dac_override', '--ambient-caps=+dac_override', '--securebits=+no_setuid_fixup']
  return ['setpriv', ...identity, ...passage, process.execPath]
}
