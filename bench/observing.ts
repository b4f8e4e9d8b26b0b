import { createServer } from 'node:http'
import { findFreePort } from '../dev/free-port.ts'
import { percentile } from './percentile.ts'
import { startProvider, startStack } from './stack.ts'

const ROUNDS = 12
const SCRAPES_A_ROUND = 2

type Cost = { bcrypt: string; registrations: number }

/** A collector that takes every trace. */
const startCollector = async () => {
  const server = createServer((request, response) => request.resume().once('end', () => response.end('{}')))
  const port = await findFreePort()
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  return { url: `http://127.0.0.1:${port}`, close: () => server.close().closeAllConnections() }
}

/** Seconds of CPU that a process has used so far, all its threads together. */
const cpuSeconds = async (opsUrl: string): Promise<number> => {
  const metrics = await (await fetch(`${opsUrl}/metrics`)).text()
  return Number(/^process_cpu_seconds_total (\S+)/m.exec(metrics)?.[1])
}

/**
 * `make bench-observing`: CPU of api and worker for each registration with its mail, with everything on (a log line each, traces
 * to a collector, metrics read twice a round) against everything off, in alternating rounds.
 */
const compare = async ({ bcrypt, registrations }: Cost): Promise<void> => {
  const taken = new Map<string, () => void>()
  const provider = await startProvider((to) => taken.get(to)?.())
  const collector = await startCollector()
  const start = (settings: NodeJS.ProcessEnv) =>
    startStack(provider.url, undefined, { BCRYPT_COST: bcrypt, ...settings })
  const off = await start({ LOG_LEVEL: 'silent' })
  const on = await start({ LOG_LEVEL: 'info', OTEL_EXPORTER_OTLP_ENDPOINT: collector.url })

  const register = async (apiUrl: string, email: string): Promise<void> => {
    const arrived = new Promise<void>((resolve) => taken.set(email, resolve))
    const answer = await fetch(`${apiUrl}/v1/users`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ email, password: 'correct horse battery' }),
    })
    if (answer.status !== 202) throw new Error(`registration answered ${answer.status}`)
    await arrived
  }
  const round = async (stack: typeof on, isObserved: boolean, name: string) => {
    const read = () => Promise.all([cpuSeconds(stack.apiOpsUrl), cpuSeconds(stack.workerOpsUrl)])
    const before = await read()
    for (let index = 0; index < registrations; index += 1) {
      await register(stack.apiUrl, `${name}-${index}@example.com`)
      if (isObserved && index % Math.ceil(registrations / SCRAPES_A_ROUND) === 0) await read()
    }
    const after = await read()
    const perMail = (index: 0 | 1) => ((after[index] - before[index]) / registrations) * 1000
    return { api: perMail(0), worker: perMail(1) }
  }

  const pairs = []
  await round(off, false, 'warm-off')
  await round(on, true, 'warm-on')
  for (let index = 0; index < ROUNDS; index += 1)
    pairs.push({ off: await round(off, false, `off-${index}`), on: await round(on, true, `on-${index}`) })
  report(`BCRYPT_COST ${bcrypt}`, pairs)
  await Promise.all([off.stop(), on.stop()])
  provider.close()
  collector.close()
}

type Figures = { api: number; worker: number }

const report = (title: string, pairs: { off: Figures; on: Figures }[]): void => {
  for (const process_ of ['api', 'worker'] as const) {
    const off = median(pairs.map((pair) => pair.off[process_]))
    const on = median(pairs.map((pair) => pair.on[process_]))
    const more = median(pairs.map((pair) => pair.on[process_] - pair.off[process_]))
    process.stdout.write(
      `${title}, ${process_.padEnd(6)} ${off.toFixed(1)} ms of CPU a registration unobserved, ${on.toFixed(1)} observed: ` +
        `${((more / off) * 100).toFixed(1)} % more in the median of ${pairs.length} pairs\n`,
    )
  }
}

const median = (values: number[]): number => percentile(values, 0.5)

await compare({ bcrypt: '12', registrations: 20 })
await compare({ bcrypt: '4', registrations: 200 })
