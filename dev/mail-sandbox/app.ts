import type { HttpBindings } from '@hono/node-server'
import { Hono } from 'hono'
import { acceptMail } from './accept-mail.ts'
import type { Announcements } from './announcements.ts'
import { answerUnderFault } from './answer-under-fault.ts'
import { faultRoutes } from './fault-routes.ts'
import type { Faults } from './faults.ts'
import type { Inbox } from './inbox.ts'
import { pageRoutes } from './page-routes.ts'
import { refusal } from './refusal.ts'
import { refuseForeignOrigin } from './refuse-foreign-origin.ts'
import { streamEvents } from './stream-events.ts'

type Tools = {
  apiKey: string
  inbox: Inbox
  faults: Faults
  announcements: Announcements
  refuse(seconds: number): Promise<void>
}

export function createApp(tools: Tools) {
  const { apiKey, inbox, faults } = tools
  const app = new Hono<{ Bindings: HttpBindings }>()
  app.on(['PUT', 'DELETE'], '*', refuseForeignOrigin)
  app.post('/emails', (c) => answerUnderFault(faults.take(), c.env, () => acceptMail(inbox, apiKey, c.req.raw)))
  app.get('/emails', (c) => c.json({ data: sentTo(inbox, c.req.query('to')) }))
  app.get('/emails/:id', (c) => {
    const mail = inbox.find(c.req.param('id'))
    return mail === null ? refusal(404, 'not_found', 'Email not found.') : c.json(mail)
  })
  app.delete('/emails', (c) => {
    inbox.empty()
    return c.body(null, 204)
  })
  app.get('/events', (c) => streamEvents(c, tools))
  app.route('/faults', faultRoutes(tools))
  app.route('/', pageRoutes())
  app.notFound(() => refusal(404, 'not_found', 'The mail sandbox has no such address.'))
  return app
}

function sentTo(inbox: Inbox, address: string | undefined) {
  if (address === undefined) return inbox.list()
  const wanted = address.toLowerCase()
  return inbox.list().filter(({ to }) => to.some((recipient) => recipient.toLowerCase() === wanted))
}
