import { readFile } from 'node:fs/promises'
import { beforeAll, describe, expect, test } from 'vitest'
import { problems } from '../../src/api/answers/problems.ts'
import { createTestApi } from '../support/api.ts'
import { shareTestDatabase } from '../support/database.ts'
import { type App, expectProblem, from } from './api-client.ts'

const database = shareTestDatabase()
let app: App
beforeAll(async () => {
  app = await createTestApi(database, { TRUSTED_PROXIES: '10.0.0.0/8' })
})

const BROWSER = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'

describe('/docs', () => {
  test('is a page whose parts are all here', async () => {
    const answer = await app.request('/docs')
    expect(answer.headers.get('content-type')).toMatch(/^text\/html/)
    const page = await answer.text()
    expect(page).not.toMatch(/(?:https?:)?\/\/[a-z]/i)
    const parts = [...page.matchAll(/(?:href|src)="(\/[^"]+)"/g)].map(([, path = '']) => path)
    expect(parts.length).toBeGreaterThan(2)
    for (const path of parts) {
      const part = await app.request(path)
      expect([path, part.status]).toEqual([path, 200])
      expect(part.headers.get('content-type')).toMatch(path.endsWith('.css') ? /^text\/css/ : /javascript/)
    }
  })

  test.each(['swagger-ui.css', 'swagger-ui-bundle.js'])('gives %s whole, again and again, in pieces', async (name) => {
    const whole = await readFile(new URL(import.meta.resolve(`swagger-ui-dist/${name}`)))
    for (let times = 0; times < 2; times += 1) {
      const answer = await app.request(`/docs/${name}`)
      expect(answer.headers.get('content-length')).toBe(String(whole.length))
      const pieces = await Array.fromAsync(answer.body ?? [])
      expect(Buffer.concat(pieces).equals(whole)).toBe(true)
      expect(Math.max(...pieces.map(({ length }) => length))).toBe(65_536)
    }
  })

  test('works below a path prefix that a trusted proxy names, as the document does', async () => {
    const ask = async (path: string, peer: string) =>
      (await app.request(path, { headers: { 'x-forwarded-prefix': '/auth' } }, from(peer))).text()
    const parts = [...(await ask('/docs', '10.0.0.1')).matchAll(/(?:href|src)="(\/[^"]+)"/g)].map(([, path]) => path)
    expect(parts.length).toBeGreaterThan(2)
    for (const path of parts) expect(path).toMatch(/^\/auth\/docs\//)
    expect(await ask('/docs/start.js', '10.0.0.1')).toContain("'/auth/openapi.json'")
    expect(JSON.parse(await ask('/openapi.json', '10.0.0.1')).servers).toEqual([{ url: '/auth' }])
    expect(JSON.parse(await ask('/openapi.json', '192.0.2.1')).servers).toEqual([{ url: '/' }])
  })

  test('its policy lets it load its own files and nothing of another host', async () => {
    const policy = (await app.request('/docs')).headers.get('content-security-policy') ?? ''
    expect(policy).toMatch(/default-src 'none'/)
    expect(policy).toMatch(/script-src 'self'(;|$)/)
    expect(policy).toMatch(/style-src 'self'/)
    expect(policy).toMatch(/connect-src 'self'(;|$)/)
    expect(policy).not.toMatch(/https?:|\*|unsafe-eval/)
  })

  test('nothing that it starts or styles with names another host', async () => {
    const start = await (await app.request('/docs/start.js')).text()
    expect(start).toContain('/openapi.json')
    expect(start).toContain('validatorUrl: null')
    expect(start).not.toMatch(/https?:\/\//)
    const styles = await (await app.request('/docs/swagger-ui.css')).text()
    expect(styles).not.toMatch(/@import|url\(\s*["']?(?:https?:)?\/\//)
  })
})

describe.each(Object.entries(problems))('/problems/%s', (slug, { status, title }) => {
  test('tells a program what it means and what to do', async () => {
    const answer = await app.request(`/problems/${slug}`)
    expect(answer.status).toBe(200)
    expect(answer.headers.get('content-type')).toBe('application/json')
    const text = expect.stringMatching(/\S/)
    expect(await answer.json()).toEqual({ type: `/problems/${slug}`, title, status, meaning: text, advice: text })
  })

  test('tells a person in a browser', async () => {
    const answer = await app.request(`/problems/${slug}`, { headers: { accept: BROWSER } })
    expect(answer.status).toBe(200)
    expect(answer.headers.get('content-type')).toMatch(/^text\/html/)
    expect(await answer.text()).toMatch(new RegExp(`<title>${title} – Latchkey</title>`))
  })
})

test('every problem of the contract is explained', () => {
  expect(Object.fromEntries(Object.entries(problems).map(([slug, { status }]) => [slug, status]))).toEqual({
    'malformed-request': 400,
    'code-incorrect': 400,
    unauthenticated: 401,
    'not-found': 404,
    'method-not-allowed': 405,
    'already-active': 409,
    'code-not-sent': 409,
    'code-expired': 410,
    'code-exhausted': 410,
    'payload-too-large': 413,
    'unsupported-media-type': 415,
    'invalid-input': 422,
    'idempotency-key-reused': 422,
    'too-many-requests': 429,
    internal: 500,
    overloaded: 503,
    unavailable: 503,
  })
})

test.each(['nothing', 'Internal', '__proto__', 'constructor', 'toString', '%3Cscript%3E', 'a%2Fb'])(
  '/problems/%s is 404',
  async (slug) => {
    await expectProblem(await app.request(`/problems/${slug}`, { headers: { accept: BROWSER } }), 'not-found')
  },
)

test.each(['*/*', 'application/json', 'application/*', 'application/problem+json', 'image/png', ''])(
  'a problem is explained in JSON to who accepts %j',
  async (accept) => {
    const answer = await app.request('/problems/internal', { headers: { accept } })
    expect(answer.headers.get('content-type')).toBe('application/json')
  },
)
