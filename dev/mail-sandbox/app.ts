import type { HttpBindings } from '@hono/node-server'
import { Hono } from 'hono'
import type { Announcements } from './announcements.ts'
import { answerUnderFault } from './faults/answer-under-fault.ts'
import { faultRoutes } from './faults/fault-routes.ts'
import type { Faults } from './faults/faults.ts'
import { mailRoutes } from './inbox/mail-routes.ts'
import { streamEvents } from './inbox/stream-events.ts'
import { pageRoutes } from './pages/page-routes.ts'
import { type AcceptTools, acceptMail } from './provider/accept-mail.ts'
import { acceptWireMail } from './provider/accept-wire-mail.ts'
import { fixtures } from './provider/fixtures.ts'
import { reportRoutes } from './provider/report-routes.ts'
import { refusal } from './refusal.ts'
import { refuseForeignOrigin } from './refuse-foreign-origin.ts'
import type { ToldEvents } from './webhook/told-events.ts'
import { webhookRoutes } from './webhook/webhook-routes.ts'

type Tools = AcceptTools & {
  faults: Faults
  announcements: Announcements
  told: ToldEvents
  apiUrl: string
  refuse(seconds: number): Promise<void>
}

export function createApp(tools: Tools) {
  const app = new Hono<{ Bindings: HttpBindings }>()
  app.on(['PUT', 'DELETE'], '*', refuseForeignOrigin)
  app.on(['POST'], '/emails/:id/events', refuseForeignOrigin)
  app.post('/emails', (c) => answerUnderFault(tools.faults.take(), c.env, () => acceptMail(tools, c.req.raw)))
  for (const [name, { path }] of [...fixtures].filter(([one]) => one !== 'resend'))
    app.post(path, (c) =>
      answerUnderFault(tools.faults.take(), c.env, () => acceptWireMail(tools, name, c.req.raw), name),
    )
  app.get('/events', (c) => streamEvents(c, tools))
  app.route('/', mailRoutes(tools))
  app.route('/', reportRoutes(tools))
  app.route('/', webhookRoutes(tools.told))
  app.route('/faults', faultRoutes(tools))
  app.route('/', pageRoutes(tools.apiUrl))
  app.notFound(() => refusal(404, 'not_found', 'The mail sandbox has no such address.'))
  return app
}
