import { createBullBoard } from '@bull-board/api'
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter'
import { HonoAdapter } from '@bull-board/hono'
import { serveStatic } from '@hono/node-server/serve-static'
import type { Queue } from 'bullmq'
import { Hono } from 'hono'
import { basicAuth } from 'hono/basic-auth'
import { csrf } from 'hono/csrf'
import { secureHeaders } from 'hono/secure-headers'

export const DASHBOARD_PATH = '/dashboard'

/** Looking, and what cannot lose or forge a mail: retry, promote, pause and resume. */
const ALLOWED = /^\/api\/queues\/(?:[^/]+\/)?(?:[^/]+\/)?(?:retry(?:\/failed)?|promote|pause|resume)$/

/** Bull Board for operators: behind Basic auth, same-origin only, framed by nobody. */
export const createDashboard = (queues: Queue[], operator: { username: string; password: string }): Hono => {
  const board = new HonoAdapter(serveStatic)
  board.setBasePath(DASHBOARD_PATH)
  createBullBoard({
    queues: queues.map((queue) => new BullMQAdapter(queue, { allowRetries: true })),
    serverAdapter: board,
    options: { uiConfig: { boardTitle: 'Latchkey', hideDocsLink: true } },
  })

  const app = new Hono()
  app.use(basicAuth(operator))
  app.use(csrf())
  app.use(
    secureHeaders({
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
  app.use(async (c, next) => {
    const isLooking = c.req.method === 'GET' || c.req.method === 'HEAD'
    if (!isLooking && !ALLOWED.test(c.req.path.slice(DASHBOARD_PATH.length)))
      return c.json({ error: 'This action could lose or forge mails, so it is off.' }, 403)
    return next()
  })
  app.get(`${DASHBOARD_PATH}/`, (c) => c.redirect(DASHBOARD_PATH))
  app.route(DASHBOARD_PATH, board.registerPlugin())
  return app
}
