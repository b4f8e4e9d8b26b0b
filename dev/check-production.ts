import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createDatabase, findFreePort, startPostgres } from './embedded-postgres.ts'

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

const folder = await mkdtemp(join(tmpdir(), 'latchkey-production-'))
for (const name of ['package.json', 'package-lock.json', 'src', 'db'])
  await cp(join(ROOT, name), join(folder, name), { recursive: true })
const npm = spawnSync('npm', INSTALL, { cwd: folder, stdio: 'inherit' })
if (npm.status !== 0) throw new Error('npm could not install')

const postgres = await startPostgres({ dataDir: join(folder, 'postgres'), keep: true })
const mail = Promise.withResolvers<string>()
const provider = createServer(async (request, response) => {
  let body = ''
  for await (const chunk of request) body += chunk
  response.writeHead(200, { 'content-type': 'application/json' }).end('{"id":"taken"}')
  mail.resolve(JSON.parse(body).to)
}).listen(0, '127.0.0.1')
await once(provider, 'listening')
const bound = provider.address()

const environment = {
  PATH: process.env.PATH,
  NODE_ENV: 'production',
  HOST: '127.0.0.1',
  PORT: String(await findFreePort()),
  DATABASE_URL: await createDatabase(postgres, 'latchkey'),
  SECRET_KEY: randomBytes(32).toString('hex'),
  MAIL_URL: `http://127.0.0.1:${typeof bound === 'object' ? bound?.port : ''}`,
  MAIL_API_KEY: 'check',
  MAIL_FROM: 'Latchkey <codes@latchkey.example>',
  LOG_LEVEL: 'warn',
}
const start = (program: string, opsPort: number): ChildProcess =>
  spawn(process.execPath, [program], {
    cwd: folder,
    env: { ...environment, OPS_PORT: String(opsPort) },
    stdio: ['ignore', 'inherit', 'inherit'],
  })

const register = async (): Promise<boolean> => {
  const answer = await fetch(`http://127.0.0.1:${environment.PORT}/v1/users`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email: 'ada@example.com', password: 'correct horse battery' }),
  }).catch(() => null)
  return answer?.status === 202
}

const stopped = async (child: ChildProcess): Promise<number | null> => {
  const ended = child.exitCode === null && once(child, 'exit')
  child.kill('SIGTERM')
  await ended
  return child.exitCode
}

const [migrated] = await once(start('db/migrate.ts', 0), 'exit')
const processes = [start('src/api/main.ts', await findFreePort()), start('src/worker/main.ts', await findFreePort())]
const deadline = Date.now() + LIMIT_MS
while (!(await register()) && Date.now() < deadline) await sleep(250)
const to = await Promise.race([mail.promise, sleep(LIMIT_MS, null, { ref: false })])
const codes = [migrated, ...(await Promise.all(processes.map(stopped)))]
provider.close().closeAllConnections()
await postgres.stop()
await rm(folder, { recursive: true, force: true })

const isRight = to === 'ada@example.com' && codes.every((code) => code === 0)
process.stdout.write(
  isRight ? 'an install without scripts and tools sends mail\n' : `no: mail to ${to}, ended with ${codes}\n`,
)
process.exit(isRight ? 0 : 1)
