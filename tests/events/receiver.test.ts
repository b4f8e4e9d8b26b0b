import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { isEventSecret, openReceiver } from '../../src/worker/events/receiver.ts'
import { createAuthority } from '../stores/certificates.ts'
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

const listen = async (server: Server): Promise<number> => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('no address')
  return address.port
}

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

test('a Retry-After is for all events, and keeps them away for ten minutes at most', async () => {
  const asked = ['30', '86400', new Date(Date.now() + 86_400_000).toUTCString(), undefined]
  const server = createServer((request, response) => {
    const field = asked.shift()
    request.resume()
    response.writeHead(503, field === undefined ? {} : { 'retry-after': field }).end()
  })
  const receiver = open(`http://127.0.0.1:${await listen(server)}/`, 5000)
  for (const retryAfterMs of [30_000, 600_000, 600_000])
    expect(await receiver.tell(EVENT, NEVER)).toEqual({ reason: 'receiver-503', isForEverybody: true, retryAfterMs })
  expect(await receiver.tell(EVENT, NEVER)).toMatchObject({ isForEverybody: false, retryAfterMs: null })
  await receiver.close()
  server.close()
})

test('our own stop ends the try at once', async () => {
  const receiver = open(stub.url, 60_000)
  stub.answerWith(['silent'])
  expect(await receiver.tell(EVENT, AbortSignal.timeout(100))).toMatchObject({ reason: 'receiver-silent' })
  await receiver.close()
})

test('a receiver whose TLS cannot be verified gets nothing', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-receiver-'))
  const { certificate, key } = createAuthority(folder, 'nobody-we-trust').issue('receiver')
  const heard: string[] = []
  const server = createTlsServer({ cert: readFileSync(certificate), key: readFileSync(key) }, (request, response) => {
    heard.push(String(request.url))
    response.end()
  })
  const receiver = open(`https://127.0.0.1:${await listen(server)}/`, 5000)
  expect(await receiver.tell(EVENT, NEVER)).toMatchObject({ reason: 'receiver-silent' })
  expect(heard).toEqual([])
  await receiver.close()
  server.close()
  await rm(folder, { recursive: true })
})

test('of an answer little is read, however long it is', async () => {
  const closed = Promise.withResolvers<number>()
  const server = createServer((request, response) => {
    let written = 0
    const flood = () => {
      for (let more = true; more && !response.destroyed; written += 65_536) more = response.write(Buffer.alloc(65_536))
    }
    request.resume()
    response.on('drain', flood).on('close', () => closed.resolve(written))
    flood()
  })
  const receiver = open(`http://127.0.0.1:${await listen(server)}/`, 10_000)
  expect(await receiver.tell(EVENT, NEVER)).toBe('accepted')
  // What the kernel takes in on both sides; in the second that reading may last it would be a hundred times as much.
  expect(await closed.promise).toBeLessThan(10_000_000)
  await receiver.close()
  server.close()
})

test('15 seconds are the time for an answer', async () => {
  const server = createServer((request, response) => {
    request.resume()
    if (request.url === '/slow') setTimeout(() => response.end(), 14_000)
  })
  const url = `http://127.0.0.1:${await listen(server)}`
  const tell = async (path: string) => {
    const receiver = openReceiver({ url: `${url}${path}`, secrets: [SECRET], connections: 1 })
    const begun = performance.now()
    const told = await receiver.tell(EVENT, NEVER)
    await receiver.close()
    return { told, seconds: (performance.now() - begun) / 1000 }
  }
  const [slow, silent] = await Promise.all([tell('/slow'), tell('/silent')])
  expect([slow.told, silent.told]).toEqual(['accepted', expect.objectContaining({ reason: 'receiver-silent' })])
  expect(silent.seconds).toBeGreaterThanOrEqual(14.9)
  expect(silent.seconds).toBeLessThan(17)
  server.closeAllConnections()
  server.close()
})

test('a secret is whsec_ and 24 to 64 bytes in base64', () => {
  const secret = (bytes: number) => `whsec_${Buffer.alloc(bytes, 1).toString('base64')}`
  expect([24, 32, 64].every((bytes) => isEventSecret(secret(bytes)))).toBe(true)
  expect([secret(23), secret(65), 'whsec_', 'whsec_%%%', Buffer.alloc(32).toString('base64')].some(isEventSecret)).toBe(
    false,
  )
})
