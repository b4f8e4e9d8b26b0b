import { expect, test } from 'vitest'
import { limitNames } from '../../src/api/limits/limits.ts'
import { addSurgeReading, createApiMetrics } from '../../src/api/metrics.ts'
import { bounceKinds } from '../../src/core/mail/providers/report.ts'
import { createRegistry } from '../../src/core/process/telemetry/registry.ts'
import { parseMetrics } from '../ops/metric-text.ts'

/** The api's metrics, and all series of theirs that are not 0, less the parts of histograms. */
const measure = (reporting?: string[]) => {
  const registry = createRegistry()
  const metrics = createApiMetrics(registry, reporting)
  const lines = async () =>
    (await registry.metrics()).split('\n').filter((line) => /^latchkey_(?!build_info|.*_(?:bucket|sum)\b)/.test(line))
  const grown = async () => (await lines()).filter((line) => !line.endsWith(' 0'))
  return { registry, metrics, lines, grown }
}

const each = (name: string, label: string, values: readonly string[]) =>
  values.map((value) => `latchkey_${name}{${label}="${value}"} 0`)

const OUTCOMES = [
  ...['activated', 'already-active', 'gone', 'code-not-sent'],
  ...['code-expired', 'code-exhausted', 'code-incorrect'],
]

const FROM_THE_START = [
  'latchkey_registrations_total 0',
  'latchkey_hashing_refusals_total 0',
  'latchkey_acceptance_to_activation_seconds_count 0',
  ...each('limit_refusals_total', 'policy', limitNames),
  ...each('sign_ins_total', 'outcome', ['right', 'wrong']),
  ...each('hashing_duration_seconds_count', 'work', ['hash', 'verify']),
  ...each('activations_total', 'outcome', OUTCOMES),
  ...each('code_evaluations_total', 'result', ['right', 'wrong']),
]

test('each series is there, at 0, before its first event', async () => {
  expect(new Set(await measure().lines())).toEqual(new Set(FROM_THE_START))
})

test('those of reports are there for the providers that report', async () => {
  const ofReports = ['resend', 'brevo'].flatMap((provider) => [
    `latchkey_acceptance_to_delivery_seconds_count{provider="${provider}"} 0`,
    ...bounceKinds.map((kind) => `latchkey_mail_bounces_total{provider="${provider}",kind="${kind}"} 0`),
  ])
  expect(new Set(await measure(['resend', 'brevo']).lines())).toEqual(new Set([...FROM_THE_START, ...ofReports]))
})

test.each([
  { name: 'http_request_duration_seconds', steps: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5] },
  { name: 'acceptance_to_activation_seconds', steps: [5, 10, 15, 20, 30, 40, 50, 60, 120] },
  { name: 'acceptance_to_delivery_seconds', steps: [0.5, 1, 2, 5, 10, 30, 60, 300, 1800, 3600] },
  { name: 'hashing_duration_seconds', steps: [0.05, 0.1, 0.25, 0.5, 1, 1.5, 2, 3, 5] },
])('$name tells times apart that matter', async ({ name, steps }) => {
  const { registry, metrics } = measure(['resend'])
  metrics.requestSeconds.observe({ route: '/livez', method: 'GET', status: 200 }, 0.2)
  const samples = parseMetrics(await registry.metrics()).get(`latchkey_${name}`)?.samples ?? []
  const bounds = new Set(samples.map(({ labels }) => labels.le).filter((bound) => bound !== undefined))
  expect(bounds).toEqual(new Set([...steps.map(String), '+Inf']))
})

test.each([
  { activated: 'activated', result: 'right' },
  { activated: 'already-active', result: null },
  { activated: 'gone', result: null },
  { activated: 'code-not-sent', result: null },
  { activated: 'code-expired', result: null },
  { activated: 'code-exhausted', result: null },
] as const)('$activated counts as an outcome, and $result as a result', async ({ activated, result }) => {
  const { metrics, grown } = measure()
  metrics.noteActivation(activated)
  expect(await grown()).toEqual([
    `latchkey_activations_total{outcome="${activated}"} 1`,
    ...(result ? [`latchkey_code_evaluations_total{result="${result}"} 1`] : []),
  ])
})

test('a wrong code counts as an outcome, and as a wrong one', async () => {
  const { metrics, grown } = measure()
  metrics.noteActivation({ refusal: 'code-incorrect', attemptsLeft: 2 })
  expect(await grown()).toEqual([
    'latchkey_activations_total{outcome="code-incorrect"} 1',
    'latchkey_code_evaluations_total{result="wrong"} 1',
  ])
})

const NOTHING = { isDelivered: false, isBounced: false, bounce: null, afterSeconds: 40 }

test.each([
  { told: NOTHING, counted: [] },
  // A bounce that was known before the delivery was.
  {
    told: { ...NOTHING, isDelivered: true, bounce: 'hard-bounce' },
    counted: ['acceptance_to_delivery_seconds_count{provider="resend"}'],
  },
  {
    told: { ...NOTHING, isBounced: true, bounce: 'complaint' },
    counted: ['mail_bounces_total{provider="resend",kind="complaint"}'],
  },
  { told: { ...NOTHING, isBounced: true }, counted: [] },
])('a report of $told counts as $counted', async ({ told, counted }) => {
  const { metrics, grown } = measure(['resend'])
  metrics.noteReports('resend', [told])
  expect(await grown()).toEqual(counted.map((series) => `latchkey_${series} 1`))
})

test('a delivery takes as long as the report says', async () => {
  const { registry, metrics } = measure(['resend'])
  metrics.noteReports('resend', [{ ...NOTHING, isDelivered: true }])
  expect(await registry.metrics()).toContain('latchkey_acceptance_to_delivery_seconds_sum{provider="resend"} 40\n')
})

test.each([
  { isOn: true, shown: 1 },
  { isOn: false, shown: 0 },
])('a surge of guesses is shown as $shown when it is $isOn', async ({ isOn, shown }) => {
  const registry = createRegistry()
  addSurgeReading(registry, async () => isOn)
  const page = await registry.metrics()
  expect(page).toContain(`\nlatchkey_guess_surge ${shown}\n`)
  expect(page).toContain('latchkey_scrape_failures_total{source="guesses"} 0')
})
