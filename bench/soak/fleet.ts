import { PassThrough } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Child, startChild } from '../../dev/child.ts'
import { findFreePort } from '../../dev/free-port.ts'

const STOP_LIMIT_MS = 10_500

export type Member = {
  name: string
  url: string
  opsUrl: string
  /** SIGKILL; it is started again at once. */
  kill(): void
  /** SIGTERM; it is started again when it has ended. */
  term(): Promise<void>
  retire(): Promise<void>
}

export type Fleet = {
  apis: [Member, ...Member[]]
  workers: [Member, ...Member[]]
  /** What processes did that they never should: an end without being told, a stop that is slow or no clean one. */
  surprises: string[]
  stop(): Promise<void>
}

/** Apis and workers as real programs. What ends, for whatever reason, is started again. */
export const startFleet = async (
  environment: NodeJS.ProcessEnv,
  log: NodeJS.WritableStream,
  size: { apis: number; workers: number } = { apis: 2, workers: 2 },
): Promise<Fleet> => {
  const output = new PassThrough()
  output.pipe(log, { end: false })
  const surprises: string[] = []
  const start = (kind: 'api' | 'worker', index: number) => startMember(kind, index, { environment, output, surprises })
  const many = async (kind: 'api' | 'worker', count: number): Promise<[Member, ...Member[]]> => {
    const others = Array.from({ length: count - 1 }, (_, index) => start(kind, index + 1))
    return [await start(kind, 0), ...(await Promise.all(others))]
  }
  const apis = await many('api', size.apis)
  const workers = await many('worker', size.workers)
  const members = [...apis, ...workers]
  for (const { opsUrl } of members) while (!(await answers(`${opsUrl}/readyz`))) await sleep(100)
  return { apis, workers, surprises, stop: async () => void (await Promise.all(members.map((one) => one.retire()))) }
}

type Yard = { environment: NodeJS.ProcessEnv; output: NodeJS.WritableStream; surprises: string[] }

const startMember = async (kind: 'api' | 'worker', index: number, yard: Yard): Promise<Member> => {
  const [port, opsPort] = [await findFreePort(), await findFreePort()]
  const environment = { ...yard.environment, PORT: String(port), OPS_PORT: String(opsPort) }
  const name = `${kind} ${index + 1}`
  const opsUrl = `http://127.0.0.1:${opsPort}`
  let isRetired = false
  let isExpected = false
  let child: Child
  const spawn = (): void => {
    isExpected = false
    child = startChild(`src/${kind}/main.ts`, environment, yard.output)
    child.process.once('exit', (code, signal) => {
      if (!isExpected) yard.surprises.push(`${name} ended by itself with ${signal ?? code}`)
      if (!isRetired) spawn()
    })
  }
  const endBy = (signal: NodeJS.Signals): Child => {
    isExpected = true
    child.process.kill(signal)
    return child
  }
  const term = async (): Promise<void> => {
    // Before its first answer it may not listen to signals yet.
    const isUp = await answers(`${opsUrl}/livez`)
    const begun = performance.now()
    const ended = endBy('SIGTERM')
    await ended.ended.catch(() => {})
    const { exitCode, signalCode } = ended.process
    const tookMs = Math.round(performance.now() - begun)
    if (isUp && signalCode !== 'SIGKILL' && (exitCode !== 0 || tookMs > STOP_LIMIT_MS))
      yard.surprises.push(`${name} took ${tookMs} ms to stop and ended with ${signalCode ?? exitCode}`)
  }
  spawn()
  return {
    name,
    opsUrl,
    url: `http://127.0.0.1:${port}`,
    kill: () => void endBy('SIGKILL'),
    term,
    retire: () => {
      isRetired = true
      return term()
    },
  }
}

const answers = (url: string): Promise<boolean> =>
  fetch(url, { signal: AbortSignal.timeout(2000) }).then(
    (answer) => answer.ok,
    () => false,
  )
