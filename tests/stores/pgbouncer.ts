import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { vi } from 'vitest'
import { findFreePort } from '../../dev/free-port.ts'
import { untilReady } from '../../dev/until-ready.ts'
import { PATIENT } from '../support/patient.ts'

const NOBODY = 65_534

export const hasPgBouncer = spawnSync('pgbouncer', ['--version']).status === 0

/** A PgBouncer in transaction mode in front of this database, with as few server connections as `poolSize`. */
export const startPgBouncer = async (databaseUrl: string, poolSize: number) => {
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-pgbouncer-'))
  const port = await findFreePort()
  const url = new URL(databaseUrl)
  url.port = String(port)
  const file = await writeSettings(folder, databaseUrl, { port, poolSize })
  const isRoot = process.getuid?.() === 0
  // It does not run as root, and passes through its folder as somebody else.
  if (isRoot) spawnSync('chmod', ['755', folder])
  const bouncer = spawn('pgbouncer', [file], {
    stdio: ['ignore', 'ignore', 'pipe'],
    ...(isRoot && { uid: NOBODY, gid: NOBODY }),
  })
  const ended = once(bouncer, 'exit')
  await untilReady(
    bouncer,
    vi.waitFor(() => ask(url.href), PATIENT),
  )
  return {
    url: url.href,
    stop: async () => {
      bouncer.kill('SIGKILL')
      await ended
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Gives the path of the file to start it with. */
const writeSettings = async (
  folder: string,
  databaseUrl: string,
  { port, poolSize }: { port: number; poolSize: number },
): Promise<string> => {
  const target = new URL(databaseUrl)
  await writeFile(join(folder, 'users.txt'), `"${target.username}" "${target.password}"\n`, { mode: 0o644 })
  const file = join(folder, 'pgbouncer.ini')
  await writeFile(
    file,
    `[databases]
* = host=127.0.0.1 port=${target.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = plain
auth_file = ${folder}/users.txt
pool_mode = transaction
default_pool_size = ${poolSize}
max_client_conn = 500
`,
  )
  return file
}

const ask = async (url: string): Promise<void> => {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query('select 1').finally(() => client.end())
}
