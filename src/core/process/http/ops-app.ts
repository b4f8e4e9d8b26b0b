import { Hono } from 'hono'
import type { Registry } from '../telemetry/registry.ts'

/** Each part that a process needs, and what is wrong with it; `degraded` does not make the process unready. */
export type Checks = Record<string, 'ok' | `down: ${string}` | `degraded: ${string}`>

/** Resolves with what holds now, never rejects, and never takes long. */
export type Readiness = () => Promise<Checks>

/** The two health answers: alive means that the process can answer, ready that it can work. */
export const createHealthApp = (readiness: Readiness): Hono => {
  const app = new Hono()
  app.get('/livez', (c) => c.json({ status: 'ok' }))
  app.get('/readyz', async (c) => {
    const checks = await readiness()
    const isReady = !Object.values(checks).some((check) => check.startsWith('down'))
    return c.json({ status: isReady ? 'ready' : 'not-ready', checks }, isReady ? 200 : 503)
  })
  return app
}

/** What a process shows its operators on its own port. */
export const createOpsApp = (readiness: Readiness, metrics: Registry): Hono => {
  const app = new Hono()
  app.use(async (c, next) => {
    await next()
    c.header('Cache-Control', 'no-store')
    c.header('X-Content-Type-Options', 'nosniff')
  })
  app.route('/', createHealthApp(readiness))
  app.get('/metrics', async (c) => c.body(await metrics.metrics(), 200, { 'Content-Type': metrics.contentType }))
  return app
}
