import { createBullBoard } from '@bull-board/api'
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter'
import type { AfterHook, BeforeHook, UIConfig } from '@bull-board/api/typings/app'
import { HonoAdapter } from '@bull-board/hono'
import { serveStatic } from '@hono/node-server/serve-static'
import type { Queue } from 'bullmq'
import { type Context, Hono, type Next } from 'hono'
import { secureHeaders } from 'hono/secure-headers'
import { transportSecurity } from '../../core/process/http/transport-security.ts'
import { checkOperator, type OperatorSettings } from './check-operator.ts'

export const DASHBOARD_PATH = '/dashboard'

/** What cannot lose or forge a mail: retry, promote, pause, resume and the end of a pause that a provider asked for; nothing else but looking. */
const ALLOWED =
  /^\/api\/queues\/(?:pause|resume|[^/]+\/(?:pause|resume|promote|retry\/failed|rate-limit\/release)|[^/]+\/(?!(?:clean|retry|job-schedulers|rate-limit)\/)[^/]+\/(?:retry|promote))$/

const FONTS = {
  'font-sans': '"IBM Plex Sans", "Segoe UI", Roboto, "Liberation Sans", Arial, sans-serif',
  'font-mono': '"IBM Plex Mono", ui-monospace, "Liberation Mono", monospace',
}

/** What is shown first of a job is why its last try failed and when the next one is. */
const UI: UIConfig = {
  boardTitle: 'Latchkey',
  hideDocsLink: true,
  menu: { width: '12rem' },
  jobDetails: { defaultTab: 'Error' },
  theme: { light: FONTS, dark: FONTS },
}

/** What an operator's retry does to the rows of a queue before it touches jobs: the row decides whether a job does anything. */
export type Revival = { one(id: string): Promise<unknown>; all(): Promise<unknown> }

export type DashboardSettings = OperatorSettings & { revivals: Record<string, Revival> }

/** Bull Board for operators: behind Basic auth, same-origin only, framed by nobody. */
export const createDashboard = (queues: Queue[], settings: DashboardSettings): Hono => {
  const board = new HonoAdapter(serveStatic)
  board.setBasePath(DASHBOARD_PATH)
  createBullBoard({
    queues: queues.map((queue) => new BullMQAdapter(queue, { allowRetries: true })),
    serverAdapter: board,
    options: { uiConfig: UI, handlerHooks: { before: reviveRows(settings), after: showNextTry } },
  })

  const app = new Hono()
  app.use(
    transportSecurity(settings.trustedProxies),
    secureHeaders({
      strictTransportSecurity: false,
      contentSecurityPolicy: {
        defaultSrc: ["'self'"],
        styleSrc: ["'self'", "'unsafe-inline'"],
        imgSrc: ["'self'", 'data:'],
        frameAncestors: ["'none'"],
        formAction: ["'self'"],
      },
      xFrameOptions: 'DENY',
    }),
  )
  app.use(checkOperator(settings))
  app.use(async (c, next) => {
    if (c.req.method === 'GET' || c.req.method === 'HEAD') return next()
    if (isForeign(c)) return c.json({ error: 'Requests of other sites are refused.' }, 403)
    const isAllowed = c.req.method === 'PUT' && ALLOWED.test(c.req.path.slice(DASHBOARD_PATH.length))
    return isAllowed ? next() : c.json({ error: 'This action could lose or forge mails, so it is off.' }, 403)
  })
  app.get(`${DASHBOARD_PATH}/`, (c) => c.redirect(DASHBOARD_PATH))
  app.use(keepToOneHost)
  app.route(DASHBOARD_PATH, board.registerPlugin())
  return app
}

/** Only here a settled row starts over: an operator asks for it. Of all rows of a queue, also those whose jobs it keeps no more. */
const reviveRows =
  ({ revivals, logger }: DashboardSettings): BeforeHook =>
  async ({ route, request }) => {
    const { queueName = '', jobId } = request.params
    const revival = revivals[queueName]
    if (!revival || !/\/retry(?:\/|$)/.test(route)) return { allow: true }
    try {
      await (jobId === undefined ? revival.all() : revival.one(jobId))
      logger.info({ queue: queueName, jobId }, 'an operator retries what has failed')
      return { allow: true }
    } catch (err) {
      logger.warn({ err, queue: queueName, jobId }, "an operator's retry failed: PostgreSQL cannot work now")
      return { allow: false, status: 500, message: 'PostgreSQL cannot work now: nothing was retried. Try again.' }
    }
  }

/** Bull Board counts a retry's delay from when the job was made; here it counts from the last try, so that the time is right. */
const showNextTry: AfterHook = (_context, result) => {
  if (typeof result.body === 'string' || 'error' in result.body) return result
  const { job: one, queues = [] } = result.body
  for (const job of [one, ...queues.flatMap((queue: { jobs: unknown[] }) => queue.jobs)]) {
    if (!job?.delay || !job.processedOn || job.finishedOn) continue
    job.delay += job.processedOn - job.timestamp
    job.opts = { ...job.opts, delay: job.delay }
  }
  return result
}

/** Whether a page of another site makes this request with the operator's credentials; Bull Board reads JSON of any content type. */
const isForeign = (c: Context): boolean => {
  const site = c.req.header('sec-fetch-site')
  const origin = c.req.header('origin')
  return (
    (site !== undefined && site !== 'same-origin') ||
    (origin !== undefined && URL.parse(origin)?.host !== new URL(c.req.url).host)
  )
}

/** Takes the fonts of another host out of Bull Board's page: no policy need refuse them, and no error stands in the console. */
const keepToOneHost = async (c: Context, next: Next): Promise<void> => {
  await next()
  if (!c.res.headers.get('content-type')?.startsWith('text/html')) return
  const page = await c.res.text()
  c.res = new Response(page.replaceAll(/<link [^>]*href="https?:[^>]*>/g, ''), c.res)
}
