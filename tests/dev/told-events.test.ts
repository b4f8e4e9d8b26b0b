import { randomUUID } from 'node:crypto'
import { Webhook } from 'standardwebhooks'
import * as v from 'valibot'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type MailSandbox, startMailSandbox } from '../../dev/mail-sandbox/mail-sandbox.ts'
import { sandboxReceiver } from '../../dev/sandbox-receiver.ts'
import { isEventSecret, openReceiver } from '../../src/worker/events/receiver.ts'

const { secret = '', environmentAt } = sandboxReceiver({})
const event = { type: 'user.activated', timestamp: '2026-11-27T00:00:00.000Z', data: { user: { id: 'x' } } }
const list = v.object({ data: v.array(v.looseObject({ id: v.string(), repeats: v.number() })) })

let sandbox: MailSandbox
const start = (webhookSecret?: string) =>
  startMailSandbox({ port: 0, host: '127.0.0.1', apiKey: 'sandbox-key', webhookSecret })
beforeEach(async () => {
  sandbox = await start(secret)
})
afterEach(() => sandbox.close())

/** Tells it as the service does. */
const tell = async (id: string, body: unknown = event, secrets = [secret]) => {
  const receiver = openReceiver({ url: `${sandbox.url}/webhook`, secrets, connections: 1 })
  const told = await receiver.tell({ id, body: JSON.stringify(body) }, new AbortController().signal)
  await receiver.close()
  return told === 'accepted' ? told : told.reason
}
const told = async () => v.parse(list, await (await fetch(`${sandbox.url}/webhook`)).json()).data

test('what the service signs is taken, each event once, the newest first', async () => {
  const [first, second] = [randomUUID(), randomUUID()]
  for (const id of [first, second, first]) expect(await tell(id)).toBe('accepted')
  expect(await told()).toEqual([
    { ...event, id: second, repeats: 0, receivedAt: expect.stringMatching(/Z$/) },
    { ...event, id: first, repeats: 1, receivedAt: expect.stringMatching(/Z$/) },
  ])
})

test('what is signed otherwise, or with an old time, or is no event, is refused and not kept', async () => {
  const other = `whsec_${Buffer.alloc(32, 9).toString('base64')}`
  expect(await tell(randomUUID(), event, [other])).toBe('receiver-401')
  expect(await tell(randomUUID(), event, [other, secret])).toBe('accepted')
  expect(await tell(randomUUID(), { type: 'user.activated' })).toBe('receiver-422')
  const [id, body, old] = [randomUUID(), JSON.stringify(event), new Date(Date.now() - 600_000)]
  const headers = {
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(old.getTime() / 1000)),
    'webhook-signature': new Webhook(secret).sign(id, old, body),
  }
  for (const given of [{}, headers])
    expect((await fetch(`${sandbox.url}/webhook`, { method: 'POST', body, headers: given })).status).toBe(401)
  expect(await told()).toHaveLength(1)
})

test('without a secret nothing is taken', async () => {
  await sandbox.close()
  sandbox = await start()
  expect(await tell(randomUUID())).toBe('receiver-404')
  expect((await fetch(`${sandbox.url}/webhook`)).status).toBe(404)
})

test('make run tells its own sandbox, with a secret that the worker takes, unless WEBHOOK_URL is set', () => {
  expect(environmentAt('http://localhost:3003')).toEqual({
    WEBHOOK_URL: 'http://localhost:3003/webhook',
    WEBHOOK_SECRET: secret,
  })
  expect(isEventSecret(secret)).toBe(true)
  const own = sandboxReceiver({ WEBHOOK_URL: 'https://app.example.com/events' })
  expect([own.secret, own.environmentAt('http://localhost:3003')]).toEqual([undefined, {}])
})
