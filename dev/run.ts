import { randomBytes } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join, relative, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pretty from 'pino-pretty'
import { banner } from './banner.ts'
import { startChild } from './child.ts'
import { createDatabase, startPostgres } from './embedded-postgres.ts'
import { startMailSandbox } from './mail-sandbox/mail-sandbox.ts'
import { checkPorts, type Ports, readPorts } from './ports.ts'
import { sandboxProvider } from './sandbox-provider.ts'
import { sandboxReceiver } from './sandbox-receiver.ts'

const FOLDER = resolve(process.env.LATCHKEY_DATA || join(import.meta.dirname, '..', '.latchkey'))
const OPERATOR = { OPS_USER: 'ops', OPS_PASSWORD: 'ops' }
/** Wide enough to play with; everything else is as in production. */
const LIMITS = {
  LIMIT_REGISTRATIONS_PER_NET: '1000/1h',
  LIMIT_WRONG_CODES_PER_NET: '1000/1h',
  LIMIT_MAILS_PER_MAILBOX: '1000/1h',
  RESEND_COOLDOWN_SECONDS: '5',
}

const stops: (() => Promise<unknown>)[] = []
let isStopping = false

/** Stops what was started, the last first, and ends the process. */
const stop = async (code: number): Promise<void> => {
  if (isStopping) return
  isStopping = true
  for (let close = stops.pop(); close; close = stops.pop()) await close()
  process.exit(code)
}

/** Everything on one machine: PostgreSQL, api, worker and a mail sandbox in place of the provider. */
const start = async (ports: Ports, host: string): Promise<void> => {
  await checkPorts(ports, host)
  await mkdir(FOLDER, { recursive: true })
  const postgres = await startPostgres({ dataDir: join(FOLDER, 'postgres'), keep: true })
  stops.push(postgres.stop)
  const mail = sandboxProvider(process.env.MAIL_PROVIDER, `http://127.0.0.1:${ports.PORT}`)
  const receiver = sandboxReceiver(process.env)
  const sandbox = await startMailSandbox({
    host,
    port: ports.SANDBOX_PORT,
    apiKey: mail.environment.MAIL_API_KEY,
    events: mail.events,
    webhookSecret: receiver.secret,
    apiUrl: `http://localhost:${ports.PORT}`,
  })
  stops.push(sandbox.close)

  const environment = await environmentFor(ports, {
    ...{ ...mail.environment, ...receiver.environmentAt(sandbox.url), MAIL_URL: sandbox.url, HOST: host },
    DATABASE_URL: await createDatabase(postgres, 'latchkey'),
  })
  const output = pretty({
    colorize: process.stdout.isTTY,
    translateTime: 'HH:MM:ss.l',
    ignore: 'pid,service',
    messageFormat: '{service}: {msg}',
  })
  await startChild('db/migrate.ts', environment, output).ended
  await Promise.all([
    startService(
      'src/api/main.ts',
      { ...environment, PORT: String(ports.PORT), OPS_PORT: String(ports.API_OPS_PORT) },
      output,
    ),
    startService('src/worker/main.ts', { ...environment, OPS_PORT: String(ports.WORKER_OPS_PORT) }, output),
  ])
  process.stdout.write(banner(ports, relative(process.cwd(), FOLDER).replace(/^\.\..*/, FOLDER), OPERATOR))
}

/** What each program is given: the user's own variables, and over them what is ours here. */
const environmentFor = async (ports: Ports, own: Record<string, string>): Promise<NodeJS.ProcessEnv> => {
  const ours = {
    ...OPERATOR,
    ...own,
    // The sign-up page, by either name of this machine.
    CORS_ORIGINS: `http://localhost:${ports.SANDBOX_PORT},http://127.0.0.1:${ports.SANDBOX_PORT}`,
    SECRET_KEY: await readSecret(),
  }
  const environment: NodeJS.ProcessEnv = { ...LIMITS, ...process.env, ...ours }
  // A value beside its file is refused, and these are ours.
  for (const name of Object.keys(ours)) delete environment[`${name}_FILE`]
  return environment
}

/** Resolves when the program is ready. Should it end by itself, everything is stopped. */
const startService = async (
  program: string,
  environment: NodeJS.ProcessEnv,
  output: NodeJS.WritableStream,
): Promise<void> => {
  const child = startChild(program, environment, output)
  stops.push(child.stop)
  const stopAll = () => void stop(1)
  child.ended.then(stopAll, stopAll)
  while (!(await isReady(Number(environment.OPS_PORT)))) await sleep(100)
}

const isReady = (port: number): Promise<boolean> =>
  fetch(`http://127.0.0.1:${port}/readyz`).then(
    (answer) => answer.ok,
    () => false,
  )

/** Kept beside the data: codes and look-up keys are derived from it. */
const readSecret = async (): Promise<string> => {
  const file = join(FOLDER, 'secret-key')
  await writeFile(file, randomBytes(32).toString('hex'), { flag: 'wx', mode: 0o600 }).catch(() => {})
  return readFile(file, 'utf8')
}

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void stop(0))
try {
  await start(readPorts(process.env), process.env.HOST ?? '127.0.0.1')
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`)
  await stop(1)
}
