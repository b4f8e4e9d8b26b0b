import { Hono } from 'hono'
import { refusal } from '../refusal.ts'
import type { ToldEvents } from './told-events.ts'

/** `POST /webhook`: what the service's `WEBHOOK_URL` may be while one develops; `GET /webhook`: what came. */
export function webhookRoutes(told: ToldEvents) {
  const app = new Hono()
  app.post('/webhook', async (c) => {
    if (told === null) return noReceiver()
    switch (told.take(await c.req.text(), c.req.raw.headers)) {
      case 'not-signed':
        return refusal(401, 'invalid_signature', 'The event is not signed with the secret of the mail sandbox.')
      case 'no-event':
        return refusal(422, 'validation_error', 'The body must have type, timestamp and data.')
      case 'taken':
        return c.body(null, 204)
    }
  })
  app.get('/webhook', (c) => (told === null ? noReceiver() : c.json({ data: told.list() })))
  return app
}

function noReceiver() {
  return refusal(404, 'not_found', 'The mail sandbox was given no secret of events.')
}
