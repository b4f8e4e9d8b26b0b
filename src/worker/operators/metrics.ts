import type { Queue } from 'bullmq'
import { Counter, Histogram } from 'prom-client'
import type { Delivery } from '../../core/mail/delivery.ts'
import { type Mailer, MailerUnavailable, MailRefused } from '../../core/mail/mailer.ts'
import type { MailProviders } from '../../core/mail/routing/routes.ts'
import type { Outcome } from '../../core/postgres/outbox/outbox-rows.ts'
import { addReadings } from '../../core/process/telemetry/readings.ts'
import type { Registry } from '../../core/process/telemetry/registry.ts'
import { pausedForMs } from '../queue/queue-pause.ts'

const ACCEPTANCE_SECONDS = [0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 900, 1800, 3600]
const PROVIDER_SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 60]

const OUTCOMES = ['accepted', 'refused', 'given-up', 'dropped'] as const satisfies readonly Outcome[]

const RESULTS = [
  'accepted',
  'refused',
  'about-us',
  'throttled',
  'unavailable',
  'not-reached',
  'silent',
  'broken',
] as const

type Result = (typeof RESULTS)[number]

export type WorkerMetrics = {
  mailsSettled: Counter<'outcome'>
  acceptanceSeconds: Histogram
  retries: Counter
  providerSeconds: Histogram<'provider' | 'result'>
}

export const createWorkerMetrics = (registry: Registry): WorkerMetrics => {
  const registers = [registry]
  const mailsSettled = new Counter({
    name: 'latchkey_mails_settled_total',
    help: 'Mails that have ended, by how.',
    labelNames: ['outcome'],
    registers,
  })
  const providerSeconds = new Histogram({
    name: 'latchkey_provider_request_duration_seconds',
    help: 'Time of a call to the mail provider, by its result: its yes, its no to this mail, or which trouble it was.',
    labelNames: ['provider', 'result'],
    buckets: PROVIDER_SECONDS,
    registers,
  })
  // Each series is there, at 0, before its first event: a rate needs two values.
  for (const outcome of OUTCOMES) mailsSettled.inc({ outcome }, 0)
  return {
    mailsSettled,
    acceptanceSeconds: new Histogram({
      name: 'latchkey_registration_to_acceptance_seconds',
      help: "Time from the registration (or the wish for a new code) to the provider's acceptance of the mail.",
      buckets: ACCEPTANCE_SECONDS,
      registers,
    }),
    retries: new Counter({
      name: 'latchkey_mail_retries_total',
      help: 'Tries to deliver a mail that ended with another one to come; not runs that found it taken or held back.',
      registers,
    }),
    providerSeconds,
  }
}

/** Runs of a job that only found that the mail is not to be had yet. */
const UNTRIED = new Set(['taken-by-another-run', 'held-back-by-provider', 'waits-for-its-provider'])

/** Counts what came of a try. */
export const noteDelivery = (metrics: WorkerMetrics, delivery: Delivery): void => {
  if (delivery.end === 'later') metrics.retries.inc(UNTRIED.has(delivery.reason) ? 0 : 1)
  else if (delivery.settled) {
    const { outcome, afterSeconds } = delivery.settled
    metrics.mailsSettled.inc({ outcome })
    if (outcome === 'accepted') metrics.acceptanceSeconds.observe(afterSeconds)
  }
}

/** The same mailer, whose calls are timed and told apart by their result. */
export const timeMailer = (mailer: Mailer, provider: string, { providerSeconds }: WorkerMetrics): Mailer => {
  for (const result of RESULTS) providerSeconds.zero({ provider, result })
  return { ...mailer, send: timed(mailer.send, provider, providerSeconds) }
}

const timed =
  (send: Mailer['send'], provider: string, seconds: WorkerMetrics['providerSeconds']): Mailer['send'] =>
  async (mail, sending) => {
    const end = seconds.startTimer({ provider })
    try {
      const sent = await send(mail, sending)
      end({ result: 'accepted' })
      return sent
    } catch (error) {
      end({ result: resultOf(error) })
      throw error
    }
  }

const resultOf = (error: unknown): Result => {
  if (error instanceof MailRefused) return 'refused'
  if (!(error instanceof MailerUnavailable)) return 'broken'
  if (error.isAboutUs) return 'about-us'
  if (error.isForEverybody) return 'throttled'
  if (error.message.endsWith('-not-reached')) return 'not-reached'
  return error.isClearNo ? 'unavailable' : 'silent'
}

/** When housekeeping last succeeded, in one worker of all. */
export const addHousekeepingReadings = (
  registry: Registry,
  { lastSuccessAt }: { lastSuccessAt(): Promise<Date | null> },
): void =>
  addReadings(
    registry,
    'housekeeping',
    {
      latchkey_housekeeping_last_success_timestamp_seconds: {
        help: 'When what is no longer needed was last removed; it is every hour. 0 when that never was.',
      },
    },
    async () => {
      const at = await lastSuccessAt()
      return { latchkey_housekeeping_last_success_timestamp_seconds: at ? at.getTime() / 1000 : 0 }
    },
  )

/** Whether mails go through, as this worker finds it, and for how long a provider wants none. */
const addProviderReadings = (registry: Registry, providers: MailProviders): void =>
  addReadings(
    registry,
    'providers',
    {
      latchkey_provider_well: { help: 'Whether mails go through to the provider as usual: 1 or 0.', label: 'provider' },
      latchkey_provider_asked_pause_seconds: {
        help: 'How long the provider still wants no mail, by its own word.',
        label: 'provider',
      },
    },
    async () => {
      const known = providers.flatMap((provider) => provider ?? [])
      return {
        latchkey_provider_well: Object.fromEntries(known.map(({ name, circuit }) => [name, circuit.isWell() ? 1 : 0])),
        latchkey_provider_asked_pause_seconds: Object.fromEntries(
          known.map(({ name, circuit }) => [name, circuit.askedForMs() / 1000]),
        ),
      }
    },
  )

/** What the queue holds, and whether it stands still. */
export const addQueueReadings = (registry: Registry, queue: Queue, providers: MailProviders): void => {
  addProviderReadings(registry, providers)
  addReadings(
    registry,
    'queue',
    {
      latchkey_queue_jobs: {
        help: 'Jobs of the queue mail, by state; the last of those that have ended.',
        label: 'state',
      },
      latchkey_queue_paused: { help: 'Whether an operator has paused the queue in the dashboard: 1 or 0.' },
      latchkey_queue_pause_seconds: { help: 'How long no worker takes a mail yet, as the provider is in trouble.' },
    },
    async () => {
      const [counts, isPaused, pauseMs] = await Promise.all([
        queue.getJobCounts('waiting', 'prioritized', 'active', 'delayed', 'failed', 'completed'),
        queue.isPaused(),
        pausedForMs(queue),
      ])
      const { waiting = 0, prioritized = 0, active = 0, delayed = 0, failed = 0, completed = 0 } = counts
      return {
        // Each of our mails has a priority, so a pause does not hide it: BullMQ in PostgreSQL then shows no others as waiting.
        latchkey_queue_jobs: { waiting: waiting + prioritized, active, delayed, failed, completed },
        latchkey_queue_paused: isPaused ? 1 : 0,
        latchkey_queue_pause_seconds: Math.max(0, pauseMs) / 1000,
      }
    },
  )
}
