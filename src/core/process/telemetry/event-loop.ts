import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Gauge, type Registry } from 'prom-client'

type Delays = ReturnType<typeof monitorEventLoopDelay>

const NS_PER_SECOND = 1e9

const FIGURES: [name: string, nanoseconds: (delays: Delays) => number][] = [
  ['min', ({ min }) => min],
  ['max', ({ max }) => max],
  ['mean', ({ mean }) => mean],
  ['stddev', ({ stddev }) => stddev],
  ...[50, 90, 99].map((percent): (typeof FIGURES)[number] => [`p${percent}`, (delays) => delays.percentile(percent)]),
]

const nameOf = (figure: string): string => `nodejs_eventloop_lag_${figure}_seconds`

/** For `collectDefaultMetrics`: as seldom as a timer can. */
export const HARDLY_EVER = { eventLoopMonitoringPrecision: 2 ** 31 - 1 }

/**
 * How long the event loop was kept by one iteration, since the figures were read last, under prom-client's names and in place of its
 * gauges: those are fed by a timer that wakes the process a hundred times a second, while others hash or nobody asks.
 */
export const addEventLoopDelays = (registry: Registry): void => {
  const delays = monitorEventLoopDelay({ samplePerIteration: true })
  delays.enable()
  // The first that is read sets them all.
  const readAll = () => {
    for (const { gauge, nanoseconds } of gauges) gauge.set(delays.count === 0 ? 0 : nanoseconds(delays) / NS_PER_SECOND)
    delays.reset()
  }
  const gauges = FIGURES.map(([figure, nanoseconds], index) => {
    registry.removeSingleMetric(nameOf(figure))
    const help = `Event loop delay of one iteration since the last scrape: ${figure}.`
    const gauge = new Gauge({
      name: nameOf(figure),
      help,
      registers: [registry],
      ...(index === 0 && { collect: readAll }),
    })
    return { gauge, nanoseconds }
  })
}
