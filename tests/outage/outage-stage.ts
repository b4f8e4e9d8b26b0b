import { Registry } from 'prom-client'
import { type Delivering, startDelivery } from '../../src/worker/delivery/delivery.ts'
import { createWorkerMetrics } from '../../src/worker/operators/metrics.ts'
import { createMailer } from '../../src/worker/providers/create-mailer.ts'
import { openQueueBackend } from '../../src/worker/queue/backends/open-queue-backend.ts'
import type { BackendName } from '../support/backends.ts'
import { silent } from '../support/database.ts'
import { deliverTools } from '../support/delivery.ts'
import { type Stage, setStage } from '../worker/stage.ts'

// However busy the machine is: what is answered too late would be asked for twice.
const TIMEOUT_MS = 30_000
const CONCURRENCY = 20

/** The stage of the worker's tests, with workers that keep a limit of mails per second. */
export const setOutageStage = async (backend: BackendName) => {
  const stage = await setStage(backend)
  const closers: (() => Promise<void>)[] = []
  return {
    ...stage,
    startRatedWorker: async (ratePerSecond: number | undefined): Promise<Delivering> => {
      const { delivering, close } = await startRatedWorker(stage, ratePerSecond)
      closers.push(close)
      return delivering
    },
    close: async () => {
      await Promise.all(closers.map((close) => close()))
      await stage.close()
    },
  }
}

/** Wired as `src/worker/main.ts` does it. */
const startRatedWorker = async ({ database, provider, redis }: Stage, ratePerSecond: number | undefined) => {
  const mailer = createMailer('resend', {
    url: provider.url,
    apiKey: 'test',
    from: 'Latchkey <codes@latchkey.example>',
    timeoutMs: TIMEOUT_MS,
    connections: CONCURRENCY,
  })
  const backend = await openQueueBackend({
    redisUrl: redis?.url,
    databaseUrl: database.url,
    connections: 10,
    logger: silent,
    signal: new AbortController().signal,
  })
  const delivery = { timeoutMs: TIMEOUT_MS }
  const tools = { ...deliverTools(database, mailer, delivery), backend, metrics: createWorkerMetrics(new Registry()) }
  const settings = { databaseUrl: database.url, concurrency: CONCURRENCY, ratePerSecond }
  const delivering = await startDelivery(tools, settings)
  return {
    delivering,
    close: async () => {
      await delivering.close()
      await backend.close()
      await mailer.close()
    },
  }
}
