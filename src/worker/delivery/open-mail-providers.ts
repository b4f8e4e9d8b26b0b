import { setTimeout as sleep } from 'node:timers/promises'
import { type Mailer, MailerUnavailable } from '../../core/mail/mailer.ts'
import type { ProviderName } from '../../core/mail/providers/providers.ts'
import { createCircuit, MAX_PAUSE_BESIDE_ANOTHER_MS } from '../../core/mail/routing/circuit.ts'
import { createProviderHealth } from '../../core/mail/routing/provider-health.ts'
import type { MailProvider, MailProviders } from '../../core/mail/routing/routes.ts'
import { takeSlot } from '../../core/postgres/outbox/provider-slots.ts'
import type { Pool } from '../../core/postgres/pool.ts'
import type { WorkerConfig } from '../config.ts'
import { timeMailer, type WorkerMetrics } from '../operators/metrics.ts'
import { createMailer, type MailerSettings } from '../providers/create-mailer.ts'

type Tools = { pool: Pool; metrics: WorkerMetrics }

/** The first provider and, where one is set, the second, each with a circuit and a health of its own. */
export const openMailProviders = (
  config: WorkerConfig,
  tools: Tools,
): { providers: MailProviders; close(): Promise<unknown> } => {
  const common = { proxies: config, timeoutMs: config.MAIL_TIMEOUT_MS, connections: config.MAIL_CONCURRENCY }
  const first = open(config.MAIL_PROVIDER, { ...common, ...firstSettings(config) }, tools, !config.fallback)
  if (!config.fallback) return { providers: [first], close: first.mailer.close }
  const { provider, ratePerSecond, ...settings } = config.fallback
  const second = open(provider, { ...common, ...settings }, tools, false)
  const limited = ratePerSecond === undefined ? second.mailer : limitRate(second.mailer, provider, ratePerSecond, tools)
  // Its name alone would not tell it from the first when both are accounts with one provider.
  const mailer = { ...limited, format: `${limited.format} second` }
  return {
    providers: [first, { ...second, mailer }],
    close: () => Promise.all([first.mailer.close(), second.mailer.close()]),
  }
}

const firstSettings = (config: WorkerConfig) => ({
  url: config.MAIL_URL,
  apiKey: config.MAIL_API_KEY,
  from: config.MAIL_FROM,
  domain: config.MAIL_DOMAIN,
  region: config.MAIL_REGION,
})

const open = (name: ProviderName, settings: MailerSettings, { metrics }: Tools, isAlone: boolean): MailProvider => ({
  name,
  mailer: timeMailer(createMailer(name, settings), name, metrics),
  circuit: isAlone ? createCircuit() : createCircuit(undefined, undefined, MAX_PAUSE_BESIDE_ANOTHER_MS),
  health: createProviderHealth(),
})

const MAX_WAIT_MS = 2000

/** The queue keeps the rate of the first; the second's is kept over all workers by a line in PostgreSQL. */
const limitRate = (mailer: Mailer, name: string, perSecond: number, { pool }: Tools): Mailer => ({
  ...mailer,
  send: async (mail, sending) => {
    const waitMs = await takeSlot(pool, { provider: name, perSecond, maxWaitMs: MAX_WAIT_MS })
    if (waitMs === null)
      throw new MailerUnavailable(`${name}-rate-used-up`, { isClearNo: true, retryAfterMs: MAX_WAIT_MS })
    await sleep(waitMs)
    return mailer.send(mail, sending)
  },
})
