import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { startChild } from '../dev/child.ts'
import { createDatabase, findFreePort, startPostgres } from '../dev/embedded-postgres.ts'

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
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"id":"taken"}')
  })
  const port = await findFreePort()
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  return { url: `http://127.0.0.1:${port}`, close: () => server.close().closeAllConnections() }
}

/**
 * PostgreSQL, api and worker as real processes, with limits off and cheap hashing; jobs on Redis when there is a URL.
 * `settings` are variables of both processes.
 */
export const startStack = async (
  mailUrl: string,
  redisUrl: string | undefined,
  settings: NodeJS.ProcessEnv = {},
): Promise<Stack> => {
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-bench-'))
  const postgres = await startPostgres({ dataDir: join(folder, 'postgres'), keep: true })
  const [port, apiOps, workerOps] = [await findFreePort(), await findFreePort(), await findFreePort()]
  const environment: NodeJS.ProcessEnv = {
    PATH: process.env.PATH,
    HOST: '127.0.0.1',
    DATABASE_URL: await createDatabase(postgres, 'latchkey'),
    SECRET_KEY: randomBytes(32).toString('hex'),
    BCRYPT_COST: '4',
    LIMIT_REGISTRATIONS_PER_NET: 'off',
    LIMIT_MAILS_PER_MAILBOX: 'off',
    LOG_LEVEL: 'warn',
    MAIL_URL: mailUrl,
    MAIL_API_KEY: 'bench',
    MAIL_FROM: 'Latchkey <codes@latchkey.example>',
    ...(redisUrl && { REDIS_URL: redisUrl }),
    ...settings,
  }
  const output = new PassThrough()
  // What is logged at a lower level is the processes' own affair.
  if ((settings.LOG_LEVEL ?? 'warn') === 'warn') output.pipe(process.stderr, { end: false })
  else output.resume()
  await startChild('db/migrate.ts', environment, output).ended
  const api = startChild('src/api/main.ts', { ...environment, PORT: String(port), OPS_PORT: String(apiOps) }, output)
  const worker = startChild('src/worker/main.ts', { ...environment, OPS_PORT: String(workerOps) }, output)
  for (const ops of [apiOps, workerOps]) await waitUntilReady(ops)
  return {
    apiUrl: `http://127.0.0.1:${port}`,
    apiOpsUrl: `http://127.0.0.1:${apiOps}`,
    workerOpsUrl: `http://127.0.0.1:${workerOps}`,
    stop: async () => {
      await Promise.all([api.stop(), worker.stop()])
      await postgres.stop()
      await rm(folder, { recursive: true, force: true })
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
