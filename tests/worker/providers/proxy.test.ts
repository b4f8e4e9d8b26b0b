import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer as createHttpServer, type Server } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import tls from 'node:tls'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { openReceiver } from '../../../src/worker/events/receiver.ts'
import { createMailer } from '../../../src/worker/providers/create-mailer.ts'
import { createAuthority } from '../../stores/certificates.ts'
import { FROM, KEY, MAIL } from './mailer-cases.ts'

let provider: Server
let proxy: Server
const connects: string[] = []
let received = 0

const listen = async (server: Server): Promise<number> => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

let urls: { provider: string; proxy: string }
beforeAll(async () => {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-proxy-'))
  const authority = createAuthority(folder, 'proxied')
  const { certificate, key } = authority.issue('provider')
  tls.setDefaultCACertificates([...tls.getCACertificates(), readFileSync(authority.certificate, 'utf8')])
  provider = createHttpsServer({ cert: readFileSync(certificate), key: readFileSync(key) }, (request, response) => {
    received += 1
    request.resume().on('end', () => response.setHeader('content-type', 'application/json').end('{"id":"id-1"}'))
  })
  rmSync(folder, { recursive: true })
  proxy = createHttpServer().on('connect', (request, client, head) => {
    connects.push(request.url ?? '')
    const [host, port] = (request.url ?? '').split(':')
    const upstream = connect(Number(port), host, () => {
      client.write('HTTP/1.1 200 Connection Established\r\n\r\n')
      upstream.write(head)
      upstream.pipe(client).pipe(upstream)
    })
    for (const socket of [upstream, client]) socket.on('error', () => {})
  })
  urls = { provider: `https://127.0.0.1:${await listen(provider)}`, proxy: `http://127.0.0.1:${await listen(proxy)}` }
})
afterEach(() => {
  vi.unstubAllEnvs()
  connects.length = 0
  received = 0
})
afterAll(() => {
  for (const server of [provider, proxy]) {
    server.close()
    server.closeAllConnections()
  }
})

const send = async (proxies: { HTTPS_PROXY?: string; NO_PROXY?: string }) => {
  const settings = { url: urls.provider, apiKey: 'key', from: FROM, timeoutMs: 3000, connections: 1, proxies }
  const mailer = createMailer('resend', settings)
  const signal = AbortSignal.timeout(3000)
  return mailer.send(MAIL, { idempotencyKey: KEY, signal }).finally(() => mailer.close())
}

test('a mail goes through HTTPS_PROXY, by a tunnel that the proxy cannot look into', async () => {
  expect(await send({ HTTPS_PROXY: urls.proxy })).toEqual({ providerId: 'id-1' })
  expect(connects).toEqual([new URL(urls.provider).host])
  expect(received).toBe(1)
})

test('the variables of the process do not count, only those that are given', async () => {
  vi.stubEnv('HTTPS_PROXY', urls.proxy)
  expect(await send({})).toEqual({ providerId: 'id-1' })
  expect(connects).toEqual([])
})

test('an event goes through it too', async () => {
  const secrets = [`whsec_${Buffer.alloc(32, 1).toString('base64')}`]
  const tell = async (proxies: { HTTPS_PROXY: string; NO_PROXY?: string }) => {
    const receiver = openReceiver({ url: urls.provider, secrets, connections: 1, proxies })
    return receiver.tell({ id: 'event', body: '{}' }, AbortSignal.timeout(3000)).finally(() => receiver.close())
  }
  expect(await tell({ HTTPS_PROXY: urls.proxy })).toBe('accepted')
  expect([connects, received]).toEqual([[new URL(urls.provider).host], 1])
  expect(await tell({ HTTPS_PROXY: urls.proxy, NO_PROXY: '127.0.0.1' })).toBe('accepted')
  expect([connects.length, received]).toEqual([1, 2])
  expect(await tell({ HTTPS_PROXY: 'http://127.0.0.1:9' })).toMatchObject({ reason: 'receiver-silent' })
})

test.each(['127.0.0.1', '*', 'example.com,127.0.0.1'])(
  'a host of NO_PROXY=%s is called without it',
  async (noProxy) => {
    expect(await send({ HTTPS_PROXY: urls.proxy, NO_PROXY: noProxy })).toEqual({ providerId: 'id-1' })
    expect(connects).toEqual([])
  },
)

test('a proxy that is not there is a clear no: nothing of the mail has left', async () => {
  await expect(send({ HTTPS_PROXY: 'http://127.0.0.1:9' })).rejects.toMatchObject({
    message: 'resend-not-reached',
    isClearNo: true,
  })
})
