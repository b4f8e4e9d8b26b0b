import type { Queue } from 'bullmq'
import { type Context, Hono } from 'hono'
import { secureHeaders } from 'hono/secure-headers'
import { behindProxy } from '../../core/process/http/behind-proxy.ts'
import type { BoardSettings } from './bull-board.ts'
import { checkOperator, type OperatorSettings } from './check-operator.ts'

export const DASHBOARD_PATH = '/dashboard'

/** What cannot lose or forge a mail: retry, promote, pause, resume and the end of a pause that a provider asked for; nothing else but looking. */
const ALLOWED =
  /^\/api\/queues\/(?:pause|resume|[^/]+\/(?:pause|resume|promote|retry\/failed|rate-limit\/release)|[^/]+\/(?!(?:clean|retry|job-schedulers|rate-limit)\/)[^/]+\/(?:retry|promote))$/

export type DashboardSettings = OperatorSettings & Pick<BoardSettings, 'operatorRetries'>

/** Bull Board for operators: behind Basic auth, same-origin only, framed by nobody. */
export const createDashboard = (queues: Queue[], settings: DashboardSettings): Hono => {
  // Loaded when somebody looks: it takes 10 MB, and most workers are never looked at.
  let board: Promise<Hono> | undefined
  const loadBoard = () => {
    board ??= import('./bull-board.ts').then(({ openBoard }) =>
      openBoard(queues, { ...settings, basePath: DASHBOARD_PATH }),
    )
    return board
  }
  const app = new Hono()
  app.use(
    behindProxy(settings.trustedProxies),
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
  // Bull Board would look for a job of such an id, which no store takes, and answer 500.
  app.use(async (c, next) => (/%00/.test(c.req.raw.url) ? c.json({ error: 'Not found.' }, 404) : next()))
  app.get(`${DASHBOARD_PATH}/`, (c) => c.redirect(DASHBOARD_PATH))
  app.use(async (c) => (await loadBoard()).fetch(c.req.raw, c.env))
  return app
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
