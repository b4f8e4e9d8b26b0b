import { randomBytes, randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { startChild } from '../dev/child.ts'
import { createDatabase, startPostgres } from '../dev/embedded-postgres.ts'
import { findFreePort } from '../dev/free-port.ts'

export type Stack = { apiUrl: string; apiOpsUrl: string; workerOpsUrl: string; stop(): Promise<void> }

/** A mail provider that takes everything and tells when. */
export const startProvider = async (
  onMail: (to: string, at: number) => void,
): Promise<{ url: string; close(): void }> => {
  const server = createServer(async (request, response) => {
    const at = performance.now()
    let body = ''
    for await (const chunk of request) body += chunk
    onMail(JSON.parse(body).to, at)
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ id: randomUUID() }))
  })
  const port = await findFreePort()
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  return { url: `http://127.0.0.1:${port}`, close: () => server.close().closeAllConnections() }
}

const NO_LIMITS = {
  LIMIT_REGISTRATIONS_PER_NET: 'off',
  LIMIT_MAILS_PER_MAILBOX: 'off',
  LIMIT_WRONG_CODES_PER_NET: 'off',
  LIMIT_FAILED_LOGINS_PER_USER: 'off',
  LIMIT_FAILED_LOGINS_PER_NET: 'off',
}

/** PostgreSQL and the api as real processes, with limits off and cheap hashing. `settings` are variables of the api. */
export const startApi = async (settings: NodeJS.ProcessEnv, output: PassThrough) => {
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-bench-'))
  const postgres = await startPostgres({ dataDir: join(folder, 'postgres'), keep: true })
  const [port, opsPort] = [await findFreePort(), await findFreePort()]
  const databaseUrl = await createDatabase(postgres, 'latchkey')
  const environment: NodeJS.ProcessEnv = {
    PATH: process.env.PATH,
    HOST: '127.0.0.1',
    DATABASE_URL: databaseUrl,
    SECRET_KEY: randomBytes(32).toString('hex'),
    BCRYPT_COST: '4',
    LOG_LEVEL: 'warn',
    ...NO_LIMITS,
    ...settings,
  }
  if (settings.LOG_LEVEL === 'info') output.resume()
  else output.pipe(process.stderr, { end: false })
  await startChild('db/migrate.ts', environment, output).ended
  const api = startChild('src/api/main.ts', { ...environment, PORT: String(port), OPS_PORT: String(opsPort) }, output)
  await waitUntilReady(opsPort)
  return {
    url: `http://127.0.0.1:${port}`,
    opsUrl: `http://127.0.0.1:${opsPort}`,
    databaseUrl,
    environment,
    stop: async () => {
      await api.stop()
      await postgres.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/**
 * The same with a worker; jobs on Redis when there is a URL. `settings` are variables of both processes; what they log goes to
 * `output`, and to stderr unless it tells of every request.
 */
export const startStack = async (
  mailUrl: string,
  redisUrl: string | undefined,
  settings: NodeJS.ProcessEnv = {},
  output: PassThrough = new PassThrough(),
): Promise<Stack> => {
  const mail = { MAIL_URL: mailUrl, MAIL_API_KEY: 'bench', MAIL_FROM: 'Latchkey <codes@latchkey.example>' }
  const api = await startApi({ ...mail, ...(redisUrl && { REDIS_URL: redisUrl }), ...settings }, output)
  const opsPort = await findFreePort()
  const worker = startChild('src/worker/main.ts', { ...api.environment, OPS_PORT: String(opsPort) }, output)
  await waitUntilReady(opsPort)
  return {
    apiUrl: api.url,
    apiOpsUrl: api.opsUrl,
    workerOpsUrl: `http://127.0.0.1:${opsPort}`,
    stop: async () => {
      await worker.stop()
      await api.stop()
    },
  }
}

/** Resolves when the process with this OPS_PORT is ready. */
export const waitUntilReady = async (port: number): Promise<void> => {
  const isReady = () =>
    fetch(`http://127.0.0.1:${port}/readyz`).then(
      (answer) => answer.ok,
      () => false,
    )
  while (!(await isReady())) await sleep(100)
}
