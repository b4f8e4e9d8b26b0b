import { spawn, spawnSync } from 'node:child_process'
import { chown, mkdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { findFreePort } from './free-port.ts'

const PROGRAM = fileURLToPath(new URL('./postgres-server.ts', import.meta.url))
const NOBODY = 65_534

export type RunningPostgres = { urlOf(database: string): string; stop(): Promise<void> }

export type PostgresOptions = { dataDir: string; keep: boolean; flags?: string[] }

/** Starts a PostgreSQL from npm's packages on a free port of the loopback, as root too. Rejects with the server's last words. */
export const startPostgres = async ({ dataDir, keep, flags = [] }: PostgresOptions): Promise<RunningPostgres> => {
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  const port = await findFreePort()
  const [command, ...prefix] = await dropRoot(dataDir)
  // Its own process group: Ctrl-C in the terminal must not stop it before those who use it.
  const server = spawn(command, [...prefix, PROGRAM, dataDir, String(port), keep ? 'keep' : 'drop', ...flags], {
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const ended = new Promise<void>((resolve) => server.once('close', () => resolve()))
  let words = ''
  server.stderr.on('data', (chunk) => {
    words += chunk
  })
  await new Promise<void>((resolve, reject) => {
    server.stdout.once('data', () => resolve())
    void ended.then(() => reject(new Error(words || 'PostgreSQL did not start')))
  })
  return {
    urlOf: (database) => `postgres://latchkey:latchkey@127.0.0.1:${port}/${database}`,
    stop: () => {
      server.stdin.end()
      return ended
    },
  }
}

/** Makes the database when it is not there yet. */
export const createDatabase = async (postgres: RunningPostgres, name: string): Promise<string> => {
  const client = new pg.Client({ connectionString: postgres.urlOf('postgres') })
  await client.connect()
  try {
    const found = await client.query('select 1 from pg_database where datname = $1', [name])
    if (found.rowCount === 0) await client.query(`create database ${client.escapeIdentifier(name)}`)
  } finally {
    await client.end()
  }
  return postgres.urlOf(name)
}

/**
 * PostgreSQL refuses to run as root. With `setpriv` it runs as nobody, and reaches its files all the same where root's own
 * folders are closed to others (as /root is): it keeps the right to pass through, and no other.
 */
const dropRoot = async (dataDir: string): Promise<[string, ...string[]]> => {
  if (process.getuid?.() !== 0 || spawnSync('setpriv', ['--version']).status !== 0) return [process.execPath]
  await chown(dataDir, NOBODY, NOBODY)
  const capability = '+dac_override'
  return [
    'setpriv',
    `--reuid=${NOBODY}`,
    `--regid=${NOBODY}`,
    '--clear-groups',
    `--inh-caps=${capability}`,
    `--ambient-caps=${capability}`,
    '--securebits=+no_setuid_fixup',
    process.execPath,
  ]
}
