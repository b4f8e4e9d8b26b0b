import { Hono } from 'hono'
import * as v from 'valibot'
import type { Inbox } from '../inbox/inbox.ts'
import { readJson } from '../read-json.ts'
import { invalid, notJson, refusal } from '../refusal.ts'
import { eventTypes } from './event.ts'
import type { Reports } from './reports.ts'

const orderSchema = v.strictObject({ type: v.picklist(eventTypes) })

/** `POST /emails/:id/events {type}`: the event is sent to the service on demand. */
export function reportRoutes({ inbox, reports }: { inbox: Inbox; reports: Reports }) {
  const app = new Hono()
  app.post('/emails/:id/events', async (c) => {
    if (reports === null)
      return refusal(409, 'no_events', 'The mail sandbox was not told where the service takes events.')
    const mail = inbox.find(c.req.param('id'))
    if (mail === null) return refusal(404, 'not_found', 'Email not found.')
    const json = readJson(await c.req.text())
    if (json === undefined) return notJson()
    const order = v.safeParse(orderSchema, json)
    if (!order.success) return invalid(order.issues)
    void reports.send(mail.id, [order.output.type])
    return c.body(null, 202)
  })
  return app
}
