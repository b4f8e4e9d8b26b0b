import { promtoolOn, RULES } from './promtool.ts'

/** What each job showed at one moment; null when it did not answer. */
type Look = Record<'latchkey-api' | 'latchkey-worker', string | null>

type Named = { alertname: string; provider: string }

const INTERVAL_SECONDS = 15
// Every rule waits for a minute or less, so that the last look must hold for longer; the first one is the peace before.
const FIRST_LASTS = 4
const LAST_LASTS = 8

const SAMPLE = /^(\w+)(?:\{(.*)\})? (\S+)$/

/** The metrics of a process; null when nobody answers. */
export const scrape = async (opsUrl: string): Promise<string | null> => {
  const answer = await fetch(`${opsUrl}/metrics`).catch(() => null)
  return answer?.ok ? answer.text() : null
}

/** Looks at an api and a worker as Prometheus does, and asks Prometheus's own rule engine which alerts fire at the end. */
export const createRecording = (targets: () => { api: string; worker: string }) => {
  const looks: Look[] = []
  return {
    look: async () => {
      const { api, worker } = targets()
      looks.push({ 'latchkey-api': await scrape(api), 'latchkey-worker': await scrape(worker) })
    },
    /** Null when exactly these fire, of these providers where one is named; promtool's words otherwise. */
    findOtherThan: async (alerts: (string | Named)[]): Promise<string | null> => {
      const { status, output } = await promtoolOn(['test', 'rules'], testOf(looks, alerts))
      return status === 0 ? null : output
    },
  }
}

/** The looks at intervals of 15 seconds, although they were made in a shorter time. */
const testOf = (looks: Look[], alerts: (string | Named)[]) => {
  const labels = alerts.some((alert) => typeof alert !== 'string') ? 'alertname, provider' : 'alertname'
  const durations = looks.map((_, index) => (index === 0 ? FIRST_LASTS : index === looks.length - 1 ? LAST_LASTS : 1))
  const total = durations.reduce((sum, duration) => sum + duration, 0)
  const series = new Map<string, (string | null)[]>()
  looks.forEach((look, index) => {
    for (const [name, value] of samplesOf(look)) {
      const values = series.get(name) ?? looks.map(() => null)
      values[index] = value
      series.set(name, values)
    }
  })
  return {
    rule_files: [RULES],
    evaluation_interval: `${INTERVAL_SECONDS}s`,
    tests: [
      {
        interval: `${INTERVAL_SECONDS}s`,
        input_series: [...series].map(([name, values]) => ({
          series: name,
          values: values.flatMap((value, index) => Array(durations[index]).fill(value ?? 'stale')).join(' '),
        })),
        promql_expr_test: [
          {
            expr: `count by (${labels}) (ALERTS{alertstate="firing"}) > bool 0`,
            eval_time: `${(total - 1) * INTERVAL_SECONDS}s`,
            exp_samples: alerts.map((alert) => ({
              labels: JSON.stringify(typeof alert === 'string' ? { alertname: alert } : alert).replaceAll(
                /"(\w+)":/g,
                '$1=',
              ),
              value: 1,
            })),
          },
        ],
      },
    ],
  }
}

const samplesOf = (look: Look): [string, string][] =>
  Object.entries(look).flatMap(([job, text]): [string, string][] => {
    const origin = `job="${job}",instance="${job}-1"`
    const lines = (text ?? '').split('\n').flatMap((line): [string, string][] => {
      const [, name = '', labels, value = ''] = SAMPLE.exec(line) ?? []
      const isWanted = /^(?:latchkey_|process_start_time)/.test(name)
      return isWanted ? [[`${name}{${labels ? `${labels},` : ''}${origin}}`, value]] : []
    })
    return [[`up{${origin}}`, text === null ? '0' : '1'], ...lines]
  })
