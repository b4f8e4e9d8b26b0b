import { afterAll, expect, test, vi } from 'vitest'
import { factsOf } from '../../dev/mail-sandbox/provider/fixtures.ts'
import { createApp } from '../../src/api/app.ts'
import { createPool } from '../../src/core/postgres/pool.ts'
import { createLogger } from '../../src/core/process/logger.ts'
import { createTestTools } from '../support/api.ts'
import { silent } from '../support/database.ts'
import { openEvents } from '../support/provider-events.ts'
import { TOPIC } from '../support/sns.ts'
import { type App, expectProblem } from './api-client.ts'

const url = 'postgres://nobody@127.0.0.1:1/nothing'
const pool = createPool(url, { max: 1, name: 'test', logger: silent })
const drop = () => pool.end()
afterAll(drop)

const OTHER = `whsec_${Buffer.from('another secret of the tests').toString('base64')}`

/** An api that is told by one or two accounts of Resend. Nothing here is about a mail of ours, so no database is asked. */
const open = async (...[secret = '', fallback = '']: string[]) => {
  const tools = await createTestTools(
    { url, pool, drop },
    {
      ...{ MAIL_PROVIDER: 'resend', MAIL_EVENTS_SECRET: secret },
      ...(fallback !== '' && { MAIL_FALLBACK_PROVIDER: 'resend', MAIL_FALLBACK_EVENTS_SECRET: fallback }),
    },
  )
  return createApp(tools)
}

const source = openEvents('resend')
const signed = source.sign(source.ignored)

type Sent = { headers?: Record<string, string>; body: string | ReadableStream }
const send = (app: App, { headers = signed.headers, body }: Sent, provider = 'resend') =>
  app.request(`/v1/provider-events/${provider}`, { method: 'POST', headers, body, ...{ duplex: 'half' } })

test('sixteen bodies are read at once; who comes then is told to come again, and has a place when they are read', async () => {
  const app = await open(source.secret)
  const slow = Array.from({ length: 16 }, () => new TransformStream<Uint8Array, Uint8Array>())
  const answers = slow.map(({ readable }) => send(app, { body: readable }))
  const refused = await send(app, signed)
  expect(refused.headers.get('connection')).toBe('close')
  await expectProblem(refused, 'overloaded')
  expect(refused.headers.get('retry-after')).toBe('5')
  for (const { writable } of slow) {
    const writer = writable.getWriter()
    await writer.write(Buffer.from(signed.body))
    await writer.close()
  }
  for (const answer of answers) expect((await answer).status).toBe(204)
  expect((await send(app, signed)).status).toBe(204)
})

test('what is refused by its headers ends the connection, its body unread', async () => {
  const app = await open(source.secret)
  const pull = vi.fn()
  const body = () => new ReadableStream({ pull }, { highWaterMark: 0 })
  const stranger = await send(app, { headers: {}, body: body() })
  const missing = await send(app, { body: body() }, 'brevo')
  expect([stranger, missing].map(({ status, headers }) => [status, headers.get('connection')])).toEqual([
    [401, 'close'],
    [404, 'close'],
  ])
  for (const none of ['brevo', 'mailpit', 'constructor'])
    await expectProblem(await send(app, { body: body() }, none), 'not-found')
  expect(pull).not.toHaveBeenCalled()
})

test('of two accounts of one provider each is believed, by its own secret', async () => {
  const both = await open(OTHER, source.secret)
  expect((await send(both, signed)).status).toBe(204)
  const swapped = await open(source.secret, OTHER)
  expect((await send(swapped, signed)).status).toBe(204)
  const app = await open(OTHER)
  expect((await send(app, signed)).status).toBe(401)
})

test('what one of two accounts signed well and cannot be read is malformed, whichever it is', async () => {
  const unreadable = factsOf('resend').openEvents?.(source.secret).sign('{', { id: 'x', at: new Date() })
  if (!unreadable) throw new Error('Resend signs its events')
  for (const secrets of [
    [source.secret, OTHER],
    [OTHER, source.secret],
  ])
    await expectProblem(await send(await open(...secrets), unreadable), 'malformed-request')
})

test('an event that cannot be read is malformed', async () => {
  const account = openEvents('postmark')
  const tools = await createTestTools(
    { url, pool, drop },
    { MAIL_PROVIDER: 'postmark', MAIL_EVENTS_SECRET: account.secret },
  )
  const { headers } = account.sign({})
  await expectProblem(await send(createApp(tools), { headers, body: '{' }, 'postmark'), 'malformed-request')
})

test('what a report is checked with and cannot be had now is logged, and asked for again', async () => {
  const logger = createLogger('silent', 'test')
  const warned = vi.spyOn(logger, 'warn')
  const err = new Error('no way out')
  const tools = await createTestTools({ url, pool, drop }, { MAIL_PROVIDER: 'ses', MAIL_EVENTS_SECRET: TOPIC }, logger)
  const app = createApp({
    ...tools,
    providerEvents: { ...tools.providerEvents, fetchText: () => Promise.reject(err) },
  })
  const message = {
    ...{ Type: 'Notification', MessageId: 'x', TopicArn: TOPIC, Message: '{}', Timestamp: new Date().toISOString() },
    ...{ SignatureVersion: '2', Signature: 'AAAA' },
    SigningCertURL: 'https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-x.pem',
  }
  const headers = { 'content-type': 'text/plain', 'x-amz-sns-topic-arn': TOPIC }
  await expectProblem(await send(app, { headers, body: JSON.stringify(message) }, 'ses'), 'unavailable')
  expect(warned.mock.calls).toEqual([[{ err }, expect.stringContaining('could not be fetched')]])
})
