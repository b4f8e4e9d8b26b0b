import { Hono } from 'hono'
import type { Announcements } from '../announcements.ts'
import { refusal } from '../refusal.ts'
import type { Inbox } from './inbox.ts'
import { addressOf, isTo } from './mail.ts'
import { readQuestion } from './read-question.ts'
import { waitForMail } from './wait-for-mail.ts'

/** The mails that were taken: all, one, or the newest to an address, which other people's end-to-end tests wait for. */
export function mailRoutes(tools: { inbox: Inbox; announcements: Announcements }) {
  const { inbox } = tools
  const app = new Hono()
  app.get('/emails', (c) => c.json({ data: sentTo(inbox, c.req.query('to')) }))
  app.get('/emails/:id', (c) => {
    const mail = inbox.find(c.req.param('id'))
    return mail === null ? refusal(404, 'not_found', 'Email not found.') : c.json(mail)
  })
  app.delete('/emails', (c) => {
    inbox.empty()
    return c.body(null, 204)
  })
  app.get('/mails', async (c) => {
    const question = readQuestion(c.req.url)
    if (typeof question === 'string') return refusal(400, 'validation_error', question)
    const after = question.after === null ? 0 : inbox.placeOf(question.after)
    const wait = { ms: question.waitMs, signal: c.req.raw.signal }
    const mail = await waitForMail(tools, { to: question.to, after }, wait)
    if (mail !== null) return c.json(mail, 200, { 'Cache-Control': 'no-store' })
    return refusal(404, 'not_found', `No such mail to ${question.to} came within ${question.waitMs / 1000} s.`)
  })
  return app
}

function sentTo(inbox: Inbox, address: string | undefined) {
  if (address === undefined) return inbox.list()
  const wanted = addressOf(address)
  return wanted === null ? [] : inbox.list().filter((mail) => isTo(mail, wanted))
}
