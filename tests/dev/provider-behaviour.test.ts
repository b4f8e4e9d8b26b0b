import { randomUUID } from 'node:crypto'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import { Webhook } from 'svix'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { findFreePort } from '../../dev/free-port.ts'
import { type MailSandbox, startMailSandbox } from '../../dev/mail-sandbox/mail-sandbox.ts'
import { factsOf } from '../../dev/mail-sandbox/provider/fixtures.ts'
import { PATIENT } from '../support/patient.ts'

const API_KEY = 'sandbox-key'
const SECRET = `whsec_${Buffer.from('a secret of the tests, 32 bytes.').toString('base64')}`

type Received = { headers: IncomingHttpHeaders; body: string }

let sandbox: MailSandbox
let received: Received[]
let answers: number[]
const service = createServer(async (request, response) => {
  let body = ''
  for await (const chunk of request.setEncoding('utf8')) body += chunk
  received.push({ headers: request.headers, body })
  response.writeHead(answers.shift() ?? 204).end()
})

beforeEach(async () => {
  received = []
  answers = []
  const port = await findFreePort()
  await new Promise<void>((resolve) => service.listen(port, '127.0.0.1', resolve))
  const source = factsOf('resend').openEvents?.(SECRET)
  if (!source) throw new Error('no events')
  const events = { url: `http://127.0.0.1:${port}/v1/provider-events/resend`, source }
  sandbox = await startMailSandbox({ port: 0, host: '127.0.0.1', apiKey: API_KEY, events })
})
afterEach(async () => {
  await sandbox.close()
  service.closeAllConnections()
  await new Promise((resolve) => service.close(resolve))
})

const send = (to: string, signal?: AbortSignal) =>
  fetch(`${sandbox.url}/emails`, {
    method: 'POST',
    headers: { authorization: `Bearer ${API_KEY}`, 'idempotency-key': randomUUID() },
    body: JSON.stringify({ from: 'a@b.example', to, subject: 'Your code', text: '0421' }),
    signal: signal ?? null,
  })

const mails = async () => JSON.parse(await (await fetch(`${sandbox.url}/emails`)).text()).data

/** The events as Svix's own library reads them; it refuses a wrong signature. */
const events = () =>
  received.map(({ headers, body }) => {
    const { 'svix-id': id, 'svix-timestamp': timestamp, 'svix-signature': signature } = headers
    new Webhook(SECRET).verify(body, {
      'svix-id': String(id),
      'svix-timestamp': String(timestamp),
      'svix-signature': String(signature),
    })
    return JSON.parse(body)
  })

test.each([
  { to: 'ada@example.com', types: ['email.delivered'] },
  { to: 'ada@example.bounce.test', types: ['email.bounced'] },
  { to: 'Ada@BOUNCE.test', types: ['email.bounced'] },
  { to: 'ada@x.complaint.test', types: ['email.delivered', 'email.complained'] },
  { to: 'ada@x.suppressed.test', types: ['email.suppressed'] },
])('a mail to $to is taken, and reported as $types', async ({ to, types }) => {
  const answer = await send(to)
  expect(answer.status).toBe(200)
  const { id } = JSON.parse(await answer.text())
  await vi.waitFor(() => expect(received).toHaveLength(types.length), PATIENT)
  expect(events()).toMatchObject(types.map((type) => ({ type, data: { email_id: id, to: [to] } })))
  await vi.waitFor(async () => {
    expect(await mails()).toMatchObject([{ reports: types.map((type) => ({ type, status: 204 })) }])
  }, PATIENT)
})

test('a mail to .refused.test is refused for its address, and not taken', async () => {
  const answer = await send('ada@x.refused.test')
  expect(answer.status).toBe(422)
  expect(await answer.json()).toMatchObject({ name: 'validation_error', message: expect.stringContaining('`to`') })
  expect(await mails()).toEqual([])
})

test('a mail to .silent.test gets no answer, and is not taken', async () => {
  await expect(send('ada@x.silent.test', AbortSignal.timeout(300))).rejects.toThrow('timeout')
  expect(await mails()).toEqual([])
})

test('an event that the service does not take comes again, with the same id and body', async () => {
  answers = [503]
  await send('ada@example.com')
  await vi.waitFor(() => expect(received).toHaveLength(2), PATIENT)
  const [first, second] = received
  expect(second?.body).toBe(first?.body)
  expect(second?.headers['svix-id']).toBe(first?.headers['svix-id'])
})

test('an event is sent on demand, and only for a mail that there is', async () => {
  const { id } = JSON.parse(await (await send('ada@x.unreported.test')).text())
  const order = (mailId: string, type: string, headers = {}) =>
    fetch(`${sandbox.url}/emails/${mailId}/events`, { method: 'POST', headers, body: JSON.stringify({ type }) })
  expect((await order(id, 'email.bounced')).status).toBe(202)
  await vi.waitFor(() => expect(events()).toMatchObject([{ type: 'email.bounced', data: { email_id: id } }]), PATIENT)
  expect((await order(id, 'email.opened')).status).toBe(422)
  expect((await order(randomUUID(), 'email.bounced')).status).toBe(404)
  expect((await order(id, 'email.bounced', { origin: 'http://evil.example' })).status).toBe(403)
  expect(received).toHaveLength(1)
})
