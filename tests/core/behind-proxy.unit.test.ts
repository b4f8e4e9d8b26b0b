import { Hono } from 'hono'
import { describe, expect, test } from 'vitest'
import { readApiConfig } from '../../src/api/config.ts'
import { behindProxy } from '../../src/core/process/http/behind-proxy.ts'

const { TRUSTED_PROXIES } = readApiConfig({
  DATABASE_URL: 'postgres://x/y',
  SECRET_KEY: 'x'.repeat(32),
  TRUSTED_PROXIES: '10.0.0.0/8',
})

const app = new Hono().use(behindProxy(TRUSTED_PROXIES))
app.get('/here', (c) => c.redirect('/there'))
app.get('/plain', (c) => c.text('plain'))
app.get('/out', (c) => c.redirect('https://elsewhere.example/'))

const ask = async (peer: string | undefined, headers: Record<string, string>, path = '/here') =>
  (await app.request(path, { headers }, peer === undefined ? {} : { incoming: { socket: { remoteAddress: peer } } }))
    .headers

test('what no proxy has said anything of is answered as it is', async () => {
  const [plain, here] = await Promise.all(['/plain', '/here'].map((path) => app.request(path)))
  expect([plain?.status, plain?.headers.get('strict-transport-security')]).toEqual([200, null])
  expect([here?.status, here?.headers.get('location')]).toEqual([302, '/there'])
})

describe('X-Forwarded-Proto', () => {
  test.each([
    { peer: '10.0.0.1', proto: 'https', isHttps: true },
    { peer: '10.0.0.1', proto: 'HTTPS, http', isHttps: true },
    { peer: '10.0.0.1', proto: 'http, https', isHttps: false },
    { peer: '10.0.0.1', proto: 'http', isHttps: false },
    { peer: '10.0.0.1', proto: 'httpsx', isHttps: false },
    { peer: '10.0.0.1', proto: 'xhttps', isHttps: false },
    { peer: '10.0.0.1', proto: '', isHttps: false },
    { peer: '192.0.2.1', proto: 'https', isHttps: false },
    { peer: undefined, proto: 'https', isHttps: false },
  ])('"$proto" of $peer means HTTPS: $isHttps', async ({ peer, proto, isHttps }) => {
    const headers = await ask(peer, { 'x-forwarded-proto': proto })
    expect(headers.get('strict-transport-security')).toBe(isHttps ? 'max-age=15552000' : null)
  })
})

describe('X-Forwarded-Prefix', () => {
  test.each([
    { peer: '10.0.0.1', prefix: '/auth', location: '/auth/there' },
    { peer: '10.0.0.1', prefix: '/auth/', location: '/auth/there' },
    { peer: '10.0.0.1', prefix: '/a/b.c/~d', location: '/a/b.c/~d/there' },
    { peer: '10.0.0.1', prefix: '/a.', location: '/a./there' },
    { peer: '10.0.0.1', prefix: '/a"', location: '/there' },
    { peer: '10.0.0.1', prefix: '/', location: '/there' },
    { peer: '10.0.0.1', prefix: '', location: '/there' },
    { peer: '10.0.0.1', prefix: '//evil.example', location: '/there' },
    { peer: '10.0.0.1', prefix: 'https://evil.example', location: '/there' },
    { peer: '10.0.0.1', prefix: '/../x', location: '/there' },
    { peer: '10.0.0.1', prefix: '/a"b', location: '/there' },
    { peer: '192.0.2.1', prefix: '/auth', location: '/there' },
  ])('"$prefix" of $peer leads to $location', async ({ peer, prefix, location }) => {
    expect((await ask(peer, { 'x-forwarded-prefix': prefix })).get('location')).toBe(location)
  })

  test('changes no address of another host', async () => {
    expect((await ask('10.0.0.1', { 'x-forwarded-prefix': '/auth' }, '/out')).get('location')).toBe(
      'https://elsewhere.example/',
    )
  })
})
