import { setTimeout as sleep } from 'node:timers/promises'
import { Counter, Gauge, type Registry } from 'prom-client'

const TIMEOUT_MS = 2000
// Longer than any of our tools waits, should one of them wait for ever.
const ABANDONED_MS = 15_000
const FAILURES = 'latchkey_scrape_failures_total'

/** A gauge that is asked for; `label` names the one label that its values are told apart by. */
export type ReadingSpec = { help: string; label?: string }

/** A value, or one for each value of the label. */
export type Reading = number | Record<string, number>

/**
 * Gauges that are read when somebody looks, all of them by one question to `source`. What is not answered within two seconds
 * is absent from that look, as an old value would lie, and the next look shows it counted; an open question is not asked again.
 */
export const addReadings = <Name extends string>(
  registry: Registry,
  source: string,
  specs: Record<Name, ReadingSpec>,
  read: () => Promise<Record<NoInfer<Name>, Reading>>,
): void => {
  const failures = failuresOf(registry)
  failures.inc({ source }, 0)
  const ask = inFlight(() => Promise.race([read(), late(ABANDONED_MS)]))
  const answer = inFlight(async () => {
    const readings = await Promise.race([ask().catch(() => null), late(TIMEOUT_MS)])
    if (!readings) failures.inc({ source })
    return readings
  })
  const names = Object.keys(specs).filter((name): name is Name => name in specs)
  for (const name of names) {
    const { help, label } = specs[name]
    const gauge: Gauge<string> = new Gauge({
      name,
      help,
      labelNames: label === undefined ? [] : [label],
      registers: [registry],
      collect: async () => show(gauge, label, (await answer())?.[name]),
    })
  }
}

const late = (ms: number): Promise<null> => sleep(ms, null, { ref: false })

const show = (gauge: Gauge<string>, label: string | undefined, reading: Reading | undefined): void => {
  gauge.reset()
  // Without a label `reset` says 0, which is a value too.
  if (label === undefined) gauge.remove()
  if (typeof reading === 'number') gauge.set(reading)
  else if (label !== undefined)
    for (const [value, number] of Object.entries(reading ?? {})) gauge.set({ [label]: value }, number)
}

/** The same question, asked once at a time: who comes while it is open gets its answer. */
const inFlight = <Answer>(ask: () => Promise<Answer>): (() => Promise<Answer>) => {
  let open: Promise<Answer> | null = null
  return () => {
    open ??= ask().finally(() => {
      open = null
    })
    return open
  }
}

const failuresOf = (registry: Registry): Counter<'source'> => {
  const known = registry.getSingleMetric(FAILURES)
  if (known instanceof Counter) return known
  return new Counter({
    name: FAILURES,
    help: 'Looks at the metrics in which this source gave no answer, so that its gauges were absent.',
    labelNames: ['source'],
    registers: [registry],
  })
}
