import { createServer } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { isEventSecret, openReceiver } from '../../src/worker/events/receiver.ts'
import { type EventReceiver, startEventReceiver } from '../support/event-receiver.ts'

const SECRET = 'whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz'
const EVENT = {
  id: '4f6c1d5e-8a57-4f0e-9d53-0a7bb1d3f0c1',
  body: JSON.stringify({ type: 'user.deleted', timestamp: '2026-11-26T00:00:00.000Z', data: { user: { id: 'x' } } }),
}
const NEVER = new AbortController().signal

let stub: EventReceiver

beforeEach(async () => {
  stub = await startEventReceiver()
})
afterEach(() => stub.close())

const open = (url: string, timeoutMs = 300) => openReceiver({ url, secrets: [SECRET], connections: 2, timeoutMs })

test('silence ends the try in time, and a yes counts however its body goes on', async () => {
  const receiver = open(stub.url)
  stub.answerWith(['silent', 'endless', 'long', 'redirect'])
  expect(await receiver.tell(EVENT, NEVER)).toMatchObject({ reason: 'receiver-silent' })
  expect(await receiver.tell(EVENT, NEVER)).toBe('accepted')
  expect(await receiver.tell(EVENT, NEVER)).toBe('accepted')
  expect(await receiver.tell(EVENT, NEVER)).toMatchObject({ reason: 'receiver-307' })
  expect(stub.requests).toHaveLength(4)
  await receiver.close()
})

test('our own stop ends the try at once', async () => {
  const receiver = open(stub.url, 60_000)
  stub.answerWith(['silent'])
  expect(await receiver.tell(EVENT, AbortSignal.timeout(100))).toMatchObject({ reason: 'receiver-silent' })
  await receiver.close()
})

test('a receiver whose TLS cannot be verified gets nothing', async () => {
  const heard: Buffer[] = []
  const server = createServer((socket) =>
    socket.on('data', (chunk) => heard.push(Buffer.from(chunk))).on('error', () => {}),
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : 0
  const receiver = open(`https://127.0.0.1:${port}/`)
  expect(await receiver.tell(EVENT, NEVER)).toMatchObject({ reason: 'receiver-silent' })
  expect(Buffer.concat(heard).includes('user.deleted')).toBe(false)
  await receiver.close()
  server.close()
})

test('a secret is whsec_ and 24 to 64 bytes in base64', () => {
  const secret = (bytes: number) => `whsec_${Buffer.alloc(bytes, 1).toString('base64')}`
  expect([24, 32, 64].every((bytes) => isEventSecret(secret(bytes)))).toBe(true)
  expect([secret(23), secret(65), 'whsec_', 'whsec_%%%', Buffer.alloc(32).toString('base64')].some(isEventSecret)).toBe(
    false,
  )
})
