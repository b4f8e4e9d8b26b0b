import { Registry } from 'prom-client'
import type { DeliveryPolicy } from '../../src/core/mail/delivery.ts'
import type { Mailer } from '../../src/core/mail/mailer.ts'
import type { ProviderName } from '../../src/core/mail/providers/providers.ts'
import type { MailProvider, MailProviders } from '../../src/core/mail/routing/routes.ts'
import type { Logger } from '../../src/core/process/logger.ts'
import { type Delivering, startDelivery } from '../../src/worker/delivery/delivery.ts'
import { createWorkerMetrics } from '../../src/worker/operators/metrics.ts'
import { createMailer, type MailerSettings } from '../../src/worker/providers/create-mailer.ts'
import { openQueueBackend } from '../../src/worker/queue/backends/open-queue-backend.ts'
import type { QueueBackend } from '../../src/worker/queue/queue-backend.ts'
import { silent, type TestDatabase } from './database.ts'
import { deliverTools, POLICY, testProvider } from './delivery.ts'

export type TestWorker = Delivering & { backend: QueueBackend }

type Options = {
  redisUrl?: string | undefined
  mailUrl: string
  /** Resend unless told; `settings` are its own. */
  provider?: { name: ProviderName; settings: Partial<MailerSettings> }
  /** Whether mails go out to a provider that fails for everybody. */
  isWithoutCircuit?: boolean
  /** Where a second provider is, when there is one. */
  fallbackUrl?: string
  ttlSeconds?: number
  delivery?: Partial<DeliveryPolicy>
  concurrency?: number
  logger?: Logger
}

/** Relay, queue and worker in this process, wired as `src/worker/main.ts` does it, with the real mailer at `mailUrl`. */
export const startTestWorker = async (database: TestDatabase, options: Options): Promise<TestWorker> => {
  const { ttlSeconds = POLICY.ttlSeconds, concurrency = 20, logger = silent } = options
  const delivery = { timeoutMs: 2000, giveUpAfterSeconds: 3600, ...options.delivery }
  const { mailer, second } = openMailers(options, delivery.timeoutMs)
  const backend = await openBackend(database, options)
  const tools = {
    ...deliverTools(database, mailer, delivery),
    policy: { ...POLICY, ttlSeconds },
    providers: providersOf(mailer, second, options),
    logger,
    backend,
    metrics: createWorkerMetrics(new Registry()),
  }
  const delivering = await startDelivery(tools, { databaseUrl: database.url, concurrency, ratePerSecond: undefined })
  return {
    ...delivering,
    backend,
    close: async () => {
      await delivering.close()
      await backend.close()
      await mailer.close()
      await second?.close()
    },
  }
}

const openMailers = ({ mailUrl, provider, fallbackUrl }: Options, timeoutMs: number) => {
  const open = (url: string, { name, settings }: typeof provider = { name: 'resend', settings: {} }) =>
    createMailer(name, {
      url,
      apiKey: 'test',
      from: 'Latchkey <codes@latchkey.example>',
      timeoutMs,
      connections: 20,
      ...settings,
    })
  const second = fallbackUrl === undefined ? undefined : { ...open(fallbackUrl), format: 'the second' }
  return { mailer: open(mailUrl, provider), second }
}

const openBackend = ({ url }: TestDatabase, { redisUrl }: Options): Promise<QueueBackend> =>
  openQueueBackend({
    redisUrl,
    databaseUrl: url,
    connections: 10,
    logger: silent,
    signal: new AbortController().signal,
  })

const providersOf = (mailer: Mailer, second: Mailer | undefined, { isWithoutCircuit }: Options): MailProviders => {
  if (isWithoutCircuit) return [withoutCircuit(testProvider(mailer))]
  return second ? [testProvider(mailer), testProvider(second)] : [testProvider(mailer)]
}

/** Every mail is tried, whatever the others met. */
const withoutCircuit = (provider: MailProvider): MailProvider => ({
  ...provider,
  circuit: { ...provider.circuit, enter: () => 0, noteTrouble: () => 0 },
})
