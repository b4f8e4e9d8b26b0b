import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createDatabase, startPostgres } from './embedded-postgres.ts'
import { findFreePort } from './free-port.ts'

/**
 * `node dev/check-production.ts`: installs as production does, without scripts, in a temporary folder, and from there lets an api and
 * a worker bring a mail to a provider. Needs the registry, or npm's cache.
 */
const ROOT = join(import.meta.dirname, '..')
const INSTALL = [
  'ci',
  '--omit=dev',
  '--ignore-scripts',
  '--prefer-offline',
  '--no-audit',
  '--no-fund',
  '--loglevel=error',
]
const LIMIT_MS = 60_000

/** Whom a mail has reached when it works, and the exit codes of migration, api and worker. */
type Result = { to: string | null; codes: (number | null)[] }

const install = async (folder: string): Promise<void> => {
  for (const name of ['package.json', 'package-lock.json', 'src', 'db'])
    await cp(join(ROOT, name), join(folder, name), { recursive: true })
  const npm = spawnSync('npm', INSTALL, { cwd: folder, stdio: 'inherit' })
  if (npm.status !== 0) throw new Error('npm could not install')
}

/** A provider that takes every mail; `mail` resolves to the address of the first. */
const startProvider = async () => {
  const mail = Promise.withResolvers<string>()
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"id":"taken"}')
    mail.resolve(JSON.parse(body).to)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const bound = server.address()
  return {
    url: `http://127.0.0.1:${typeof bound === 'object' ? bound?.port : ''}`,
    mail: mail.promise,
    close: () => server.close().closeAllConnections(),
  }
}

const environmentOf = async (databaseUrl: string, mailUrl: string) => ({
  PATH: process.env.PATH,
  NODE_ENV: 'production',
  HOST: '127.0.0.1',
  PORT: String(await findFreePort()),
  DATABASE_URL: databaseUrl,
  SECRET_KEY: randomBytes(32).toString('hex'),
  MAIL_URL: mailUrl,
  MAIL_API_KEY: 'check',
  MAIL_FROM: 'Latchkey <codes@latchkey.example>',
  LOG_LEVEL: 'warn',
})

const register = async (port: string): Promise<boolean> => {
  const answer = await fetch(`http://127.0.0.1:${port}/v1/users`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email: 'ada@example.com', password: 'correct horse battery' }),
  }).catch(() => null)
  return answer?.status === 202
}

const stop = async (child: ChildProcess): Promise<number | null> => {
  const isRunning = child.exitCode === null && child.signalCode === null
  const ended = isRunning && once(child, 'exit')
  child.kill('SIGTERM')
  await ended
  return child.exitCode
}

/** Everything that it starts or makes is gone when it returns or throws. */
const check = async (): Promise<Result> => {
  await using cleanUp = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-production-'))
  cleanUp.defer(() => rm(folder, { recursive: true, force: true }))
  await install(folder)
  const postgres = await startPostgres({ dataDir: join(folder, 'postgres'), keep: true })
  cleanUp.defer(postgres.stop)
  const provider = await startProvider()
  cleanUp.defer(provider.close)
  const environment = await environmentOf(await createDatabase(postgres, 'latchkey'), provider.url)
  const start = (program: string, opsPort: number): ChildProcess => {
    const child = spawn(process.execPath, [program], {
      cwd: folder,
      env: { ...environment, OPS_PORT: String(opsPort) },
      stdio: ['ignore', 'inherit', 'inherit'],
    })
    cleanUp.defer(async () => void (await stop(child)))
    return child
  }

  const [migrated] = await once(start('db/migrate.ts', 0), 'exit')
  if (migrated !== 0) return { to: null, codes: [migrated] }
  const processes = [start('src/api/main.ts', await findFreePort()), start('src/worker/main.ts', await findFreePort())]
  const deadline = Date.now() + LIMIT_MS
  while (!(await register(environment.PORT)) && Date.now() < deadline) await sleep(250)
  const to = await Promise.race([provider.mail, sleep(LIMIT_MS, null, { ref: false })])
  return { to, codes: [migrated, ...(await Promise.all(processes.map(stop)))] }
}

const { to, codes } = await check()
const isRight = to === 'ada@example.com' && codes.every((code) => code === 0)
process.stdout.write(
  isRight ? 'an install without scripts and tools sends mail\n' : `no: mail to ${to}, ended with ${codes}\n`,
)
process.exitCode = isRight ? 0 : 1
