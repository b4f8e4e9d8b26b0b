import { Counter, collectDefaultMetrics, Histogram, Registry } from 'prom-client'

const HTTP_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]

/** A process's registry with Node.js's own figures: event loop delay, memory, garbage collection. */
export const createRegistry = (): Registry => {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  return registry
}

/** Seconds by route pattern, method and status: never by path, so that the number of series is bounded. */
export const httpSeconds = (registry: Registry) =>
  new Histogram({
    name: 'latchkey_http_request_duration_seconds',
    help: 'Time to answer a request.',
    labelNames: ['route', 'method', 'status'],
    buckets: HTTP_SECONDS,
    registers: [registry],
  })

/** Tries to bring a mail to the provider, by what came of them. */
export const mailTries = (registry: Registry) =>
  new Counter({
    name: 'latchkey_mail_tries_total',
    help: 'Tries to bring a mail to the provider, by what came of them.',
    labelNames: ['result'],
    registers: [registry],
  })
