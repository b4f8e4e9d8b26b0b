import { Counter, Histogram } from 'prom-client'
import { bounceKinds } from '../core/mail/providers/report.ts'
import type { Told } from '../core/postgres/outbox/provider-reports.ts'
import { addReadings } from '../core/process/telemetry/readings.ts'
import type { Registry } from '../core/process/telemetry/registry.ts'
import type { Activated } from '../core/registration/activate.ts'
import { type LimitName, limitNames } from './limits/limits.ts'

const HTTP_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]
const TYPING_SECONDS = [5, 10, 15, 20, 30, 40, 50, 60, 120]
const DELIVERY_SECONDS = [0.5, 1, 2, 5, 10, 30, 60, 300, 1800, 3600]
const HASHING_SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 1.5, 2, 3, 5]

type Outcome = Exclude<Activated, object> | 'code-incorrect'

// Every word, so that each series is there, at 0, before its first event: a rate needs two values.
const OUTCOMES = {
  activated: 'right',
  'already-active': null,
  gone: null,
  'code-not-sent': null,
  'code-expired': null,
  'code-exhausted': null,
  'code-incorrect': 'wrong',
} as const satisfies Record<Outcome, 'right' | 'wrong' | null>

export type ApiMetrics = {
  /** By route pattern, method and status: never by path, so that the number of series is bounded. */
  requestSeconds: Histogram<'route' | 'method' | 'status'>
  registrations: Counter
  limitRefusals: Counter<'policy'>
  /** Address and password on /v1/account. */
  signIns: Counter<'outcome'>
  hashingSeconds: Histogram<'work'>
  hashingRefusals: Counter
  /** From the provider's acceptance of the mail to the activation. */
  typingSeconds: Histogram
  noteActivation(activated: Activated): void
  /** What a provider reported of mails of ours. */
  noteReports(provider: string, told: Told[]): void
}

/** `reporting` are the providers whose reports are taken. */
export const createApiMetrics = (registry: Registry, reporting: string[] = []): ApiMetrics => {
  const registers = [registry]
  const limitRefusals = new Counter({
    name: 'latchkey_limit_refusals_total',
    help: 'Requests that were refused with 429, by the limit that was used up.',
    labelNames: ['policy'],
    registers,
  })
  for (const policy of limitNames) limitRefusals.inc({ policy } satisfies { policy: LimitName }, 0)
  return {
    requestSeconds: new Histogram({
      name: 'latchkey_http_request_duration_seconds',
      help: 'Time to answer a request.',
      labelNames: ['route', 'method', 'status'],
      buckets: HTTP_SECONDS,
      registers,
    }),
    registrations: new Counter({
      name: 'latchkey_registrations_total',
      help: 'Registrations that were stored.',
      registers,
    }),
    limitRefusals,
    signIns: createSignIns(registers),
    ...createHashingMetrics(registers),
    ...createActivationMetrics(registers),
    ...createReportMetrics(registers, reporting),
  }
}

const createSignIns = (registers: Registry[]): Counter<'outcome'> => {
  const signIns = new Counter({
    name: 'latchkey_sign_ins_total',
    help: 'Sign-ins to accounts by address and password that were not refused by a limit.',
    labelNames: ['outcome'],
    registers,
  })
  for (const outcome of ['right', 'wrong']) signIns.inc({ outcome }, 0)
  return signIns
}

const createReportMetrics = (registers: Registry[], reporting: string[]): Pick<ApiMetrics, 'noteReports'> => {
  const deliverySeconds = new Histogram({
    name: 'latchkey_acceptance_to_delivery_seconds',
    help: "Time from the provider's acceptance of a mail to the mailbox's, as the provider reports it.",
    labelNames: ['provider'],
    buckets: DELIVERY_SECONDS,
    registers,
  })
  const bounces = new Counter({
    name: 'latchkey_mail_bounces_total',
    help: 'Mails that the provider took and then reported as not arriving, by provider and kind.',
    labelNames: ['provider', 'kind'],
    registers,
  })
  for (const provider of reporting) {
    deliverySeconds.zero({ provider })
    for (const kind of bounceKinds) bounces.inc({ provider, kind }, 0)
  }
  return {
    noteReports: (provider, told) => {
      for (const { isDelivered, isBounced, bounce, afterSeconds } of told) {
        if (isDelivered) deliverySeconds.observe({ provider }, afterSeconds)
        if (isBounced && bounce !== null) bounces.inc({ provider, kind: bounce })
      }
    },
  }
}

const createHashingMetrics = (registers: Registry[]) => {
  const hashingSeconds = new Histogram({
    name: 'latchkey_hashing_duration_seconds',
    help: 'Time to hash or verify a password, with the wait for a thread.',
    labelNames: ['work'],
    buckets: HASHING_SECONDS,
    registers,
  })
  for (const work of ['hash', 'verify']) hashingSeconds.zero({ work })
  return {
    hashingSeconds,
    hashingRefusals: new Counter({
      name: 'latchkey_hashing_refusals_total',
      help: 'Passwords that were neither hashed nor verified, as too many others waited: their requests got 503.',
      registers,
    }),
  }
}

const createActivationMetrics = (registers: Registry[]) => {
  const activations = new Counter({
    name: 'latchkey_activations_total',
    help: 'Codes that people sent in, by what came of them.',
    labelNames: ['outcome'],
    registers,
  })
  const evaluations = new Counter({
    name: 'latchkey_code_evaluations_total',
    help: 'Codes that were compared with the one that was sent, by result.',
    labelNames: ['result'],
    registers,
  })
  for (const outcome of Object.keys(OUTCOMES)) activations.inc({ outcome }, 0)
  for (const result of ['right', 'wrong']) evaluations.inc({ result }, 0)
  return {
    typingSeconds: new Histogram({
      name: 'latchkey_acceptance_to_activation_seconds',
      help: "Time from the provider's acceptance of the mail to the activation.",
      buckets: TYPING_SECONDS,
      registers,
    }),
    noteActivation: (activated: Activated) => {
      const outcome = typeof activated === 'object' ? activated.refusal : activated
      const result = OUTCOMES[outcome]
      activations.inc({ outcome })
      if (result) evaluations.inc({ result })
    },
  }
}

/** Whether all new codes are long, as somebody guesses all over the service. */
export const addSurgeReading = (registry: Registry, isOn: () => Promise<boolean>): void =>
  addReadings(
    registry,
    'guesses',
    {
      latchkey_guess_surge: { help: 'Whether so many codes are typed wrong that all new ones have 8 digits: 1 or 0.' },
    },
    async () => ({ latchkey_guess_surge: (await isOn()) ? 1 : 0 }),
  )
