import { randomUUID } from 'node:crypto'
import { createConnection } from 'node:net'
import * as v from 'valibot'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type MailSandbox, startMailSandbox } from '../../dev/mail-sandbox/mail-sandbox.ts'

const API_KEY = 'sandbox-key'
const mail = {
  from: 'Latchkey <no-reply@latchkey.example>',
  to: 'ada@example.com',
  subject: 'Your code',
  text: 'Hello,\n\n0421\n\nReference: K7QX',
  html: '<p>0421</p>',
}

let sandbox: MailSandbox
beforeEach(async () => {
  sandbox = await startMailSandbox({ port: 0, host: '127.0.0.1', apiKey: API_KEY })
})
afterEach(() => sandbox.close())

describe('taking mails', () => {
  test('a mail is answered with its id and stands in the inbox, its code picked out', async () => {
    const key = randomUUID()
    const answer = await send(mail, { key })
    expect(answer.status).toBe(200)
    const id = await idOf(answer)
    const kept = {
      ...mail,
      id,
      to: ['ada@example.com'],
      createdAt: expect.stringMatching(/^\d{4}-.*Z$/),
      idempotencyKey: key,
      repeats: 0,
      code: '0421',
      reports: [],
    }
    expect(await inbox()).toEqual([kept])
    expect(await json(`/emails/${id}`)).toEqual(kept)
    expect(await json(`/emails/${randomUUID()}`)).toMatchObject({ statusCode: 404, name: 'not_found' })
  })

  test.each([
    { text: 'line\r\n12345678\r\nline', code: '12345678' },
    { text: '0007', code: '0007' },
    { text: 'your code is 1234', code: null },
    { text: '123\n12345\n1234567', code: null },
  ])('the code of $text is $code', async ({ text, code }) => {
    await send({ ...mail, text })
    expect(await inbox()).toMatchObject([{ code }])
  })

  test('the newest mail comes first, and the list can be narrowed to one recipient', async () => {
    await send({ ...mail, subject: 'first' })
    await send({ ...mail, subject: 'second', to: ['Grace@example.com', 'linus@example.com'] })
    expect(await subjects('/emails')).toEqual(['second', 'first'])
    expect(await subjects('/emails?to=grace@example.com')).toEqual(['second'])
    expect(await subjects('/emails?to=nobody@example.com')).toEqual([])
  })

  test('only the newest thousand mails are kept', async () => {
    for (let i = 0; i <= 1000; i++) await send({ ...mail, subject: `mail ${i}` })
    const kept = await subjects('/emails')
    expect(kept).toHaveLength(1000)
    expect([kept.at(0), kept.at(-1)]).toEqual(['mail 1000', 'mail 1'])
  })

  test.each([
    { why: 'no API key', status: 401, headers: {}, name: 'missing_api_key' },
    { why: 'another API key', status: 403, headers: { Authorization: 'Bearer other' }, name: 'invalid_api_key' },
    { why: 'no User-Agent', status: 403, headers: { ...authorized(), 'User-Agent': '' }, name: 'missing_user_agent' },
  ])('a request with $why is refused with $status', async ({ headers, status, name }) => {
    const answer = await request('/emails', { method: 'POST', headers, body: JSON.stringify(mail) })
    expect(answer.status).toBe(status)
    expect(await answer.json()).toEqual({ statusCode: status, name, message: expect.any(String) })
    expect(await inbox()).toEqual([])
  })

  test.each([
    { why: 'without text and html', body: { from: mail.from, to: mail.to, subject: 'x' } },
    { why: 'without a recipient', body: { ...mail, to: undefined } },
    { why: 'with an empty list of recipients', body: { ...mail, to: [] } },
    { why: 'to something that is no address', body: { ...mail, to: 'ada' } },
    { why: 'that is a list', body: [mail] },
  ])('a mail $why is refused with 422', async ({ body }) => {
    const answer = await send(body)
    expect(answer.status).toBe(422)
    expect(await answer.json()).toMatchObject({ statusCode: 422, name: 'validation_error' })
    expect(await inbox()).toEqual([])
  })

  test('a body that is not JSON is refused with 400', async () => {
    const answer = await request('/emails', { method: 'POST', headers: authorized(), body: '{"from":' })
    expect(answer.status).toBe(400)
  })

  test('an emptied inbox is empty', async () => {
    await send(mail)
    expect((await request('/emails', { method: 'DELETE' })).status).toBe(204)
    expect(await inbox()).toEqual([])
  })
})

describe('idempotency keys', () => {
  test('the same request again has the same id, makes no second mail and is counted', async () => {
    const id = await idOf(await send(mail, { key: 'k' }))
    const again = await Promise.all([send(mail, { key: 'k' }), send(mail, { key: 'k' })])
    for (const answer of again) expect(await answer.json()).toEqual({ id })
    expect(await inbox()).toMatchObject([{ id, repeats: 2 }])
  })

  test('the same key with another body is refused with 409', async () => {
    await send(mail, { key: 'k' })
    const answer = await send({ ...mail, text: '9999' }, { key: 'k' })
    expect(answer.status).toBe(409)
    expect(await answer.json()).toMatchObject({ statusCode: 409, name: 'invalid_idempotent_request' })
    expect(await inbox()).toMatchObject([{ code: '0421', repeats: 0 }])
  })

  test('a key is remembered when its mail is no longer in the inbox', async () => {
    const id = await idOf(await send(mail, { key: 'k' }))
    await request('/emails', { method: 'DELETE' })
    expect(await idOf(await send(mail, { key: 'k' }))).toBe(id)
    expect((await send({ ...mail, text: '9999' }, { key: 'k' })).status).toBe(409)
    expect(await inbox()).toEqual([])
  })

  test('without a key every request is a mail of its own', async () => {
    await send(mail)
    await send(mail)
    expect(await inbox()).toHaveLength(2)
  })
})

describe('faults', () => {
  test('a status is answered as often as told, with its Retry-After, and takes no mail', async () => {
    const fault = { kind: 'status', status: 429, times: 2, retryAfter: '5' }
    expect(await setFault(fault)).toEqual({ fault, left: 2, until: null })
    const first = await send(mail)
    expect([first.status, first.headers.get('retry-after')]).toEqual([429, '5'])
    expect(await first.json()).toMatchObject({ statusCode: 429, name: 'rate_limit_exceeded' })
    expect(await json('/faults')).toEqual({ fault, left: 1, until: null })
    expect((await send(mail)).status).toBe(429)
    expect(await inbox()).toEqual([])
    expect(await json('/faults')).toEqual({ fault: null, left: null, until: null })
    expect((await send(mail)).status).toBe(200)
  })

  test('a fault without a count lasts until it is ended', async () => {
    await setFault({ kind: 'status', status: 503 })
    for (let i = 0; i < 5; i++) expect((await send(mail)).status).toBe(503)
    expect(await json('/faults', { method: 'DELETE' })).toMatchObject({ fault: null })
    expect((await send(mail)).status).toBe(200)
  })

  test('a late provider takes the mail and answers properly in the end', async () => {
    await setFault({ kind: 'latency', ms: 150, times: 1 })
    const started = performance.now()
    const answer = await send(mail)
    expect(performance.now() - started).toBeGreaterThanOrEqual(145)
    expect(await inbox()).toMatchObject([{ id: await idOf(answer) }])
  })

  test('a hanging provider takes the mail and never answers, and a retry finds it taken', async () => {
    await setFault({ kind: 'hang', times: 1 })
    const caller = new AbortController()
    const unanswered = send(mail, { key: 'k', signal: caller.signal })
    await vi.waitFor(async () => expect(await inbox()).toHaveLength(1))
    caller.abort()
    await expect(unanswered).rejects.toThrow('aborted')
    expect((await send(mail, { key: 'k' })).status).toBe(200)
    expect(await inbox()).toMatchObject([{ repeats: 1 }])
  })

  test('a silent provider neither answers nor takes the mail', async () => {
    await setFault({ kind: 'silent', times: 1 })
    const caller = new AbortController()
    const unanswered = send(mail, { signal: caller.signal })
    await vi.waitFor(async () => expect(await json('/faults')).toMatchObject({ fault: null }))
    caller.abort()
    await expect(unanswered).rejects.toThrow('aborted')
    expect(await inbox()).toEqual([])
  })

  test('a reset cuts the connection without an answer and takes no mail', async () => {
    await setFault({ kind: 'reset', times: 1 })
    await expect(send(mail)).rejects.toMatchObject({ cause: { code: 'ECONNRESET' } })
    expect(await inbox()).toEqual([])
    expect((await send(mail)).status).toBe(200)
  })

  test('a refusal really closes the port, open streams included, and comes back on it', async () => {
    const stream = await openEvents()
    const state = await setFault({ kind: 'refuse', seconds: 1 })
    expect(state).toMatchObject({ fault: { kind: 'refuse', seconds: 1 }, until: expect.any(String) })
    await expect(stream.ended()).resolves.toBe(true)
    expect(await knock()).toBe('ECONNREFUSED')
    await expect(send(mail)).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } })
    await vi.waitFor(async () => expect((await send(mail)).status).toBe(200), { timeout: 5000 })
    await vi.waitFor(async () => expect(await json('/faults')).toMatchObject({ fault: null }))
  })

  test.each([
    { fault: { kind: 'meteor' }, complaint: 'kind' },
    { fault: { kind: 'status', status: 200 }, complaint: 'status' },
    { fault: { kind: 'status', status: 503, times: 0 }, complaint: 'times' },
    { fault: { kind: 'status', status: 503, retryAfter: '5\r\nX: y' }, complaint: 'retryAfter' },
    { fault: { kind: 'latency' }, complaint: 'ms' },
    { fault: { kind: 'refuse', seconds: 301 }, complaint: 'seconds' },
    { fault: { kind: 'hang', time: 3 }, complaint: 'time' },
  ])('$fault is refused with 422 that names $complaint', async ({ fault, complaint }) => {
    const answer = await request('/faults', { method: 'PUT', body: JSON.stringify(fault) })
    expect(answer.status).toBe(422)
    expect(await answer.json()).toMatchObject({ message: expect.stringContaining(`${complaint}: `) })
    expect(await json('/faults')).toMatchObject({ fault: null })
  })
})

describe('the page', () => {
  test('it comes with a policy that lets no other host in, and so do its parts', async () => {
    const page = await request('/')
    const parts = [...(await page.text()).matchAll(/(?:href|src)="(\/[^"]+)"/g)].map(([, path = '']) => path)
    expect(page.headers.get('content-security-policy')).toMatch(/^default-src 'none'; script-src 'self';/)
    expect(parts).toContain('/main.js')
    for (const part of parts) expect((await request(part)).status).toBe(200)
  })

  test('every module that a module imports is served', async () => {
    const seen = new Set(['/main.js'])
    for (const path of seen) {
      const answer = await request(path)
      expect([path, answer.status]).toEqual([path, 200])
      for (const [, name] of (await answer.text()).matchAll(/from '\.(\/[^']+)'/g)) seen.add(name ?? '')
    }
    expect(seen.size).toBeGreaterThan(1)
  })

  test('its event stream starts with what there is and announces each mail and each fault', async () => {
    await send({ ...mail, subject: 'before' })
    const stream = await openEvents()
    expect(await stream.next()).toMatchObject({ event: 'inbox', data: { data: [{ subject: 'before' }] } })
    expect(await stream.next()).toMatchObject({ event: 'fault', data: { fault: null } })
    await send(mail, { key: 'k' })
    expect(await stream.next()).toMatchObject({ event: 'mail', data: { code: '0421', repeats: 0 } })
    await send(mail, { key: 'k' })
    expect(await stream.next()).toMatchObject({ event: 'mail', data: { code: '0421', repeats: 1 } })
    await setFault({ kind: 'hang' })
    expect(await stream.next()).toMatchObject({ event: 'fault', data: { fault: { kind: 'hang' } } })
    await request('/emails', { method: 'DELETE' })
    expect(await stream.next()).toEqual({ event: 'inbox', data: { data: [] } })
  })

  test.each([
    { method: 'PUT', path: '/faults', body: JSON.stringify({ kind: 'hang' }) },
    { method: 'DELETE', path: '/faults', body: null },
    { method: 'DELETE', path: '/emails', body: null },
  ])('$method $path from the page of another origin is refused', async ({ method, path, body }) => {
    await send(mail)
    for (const origin of ['http://evil.example', 'http://127.0.0.1:1', 'null']) {
      expect((await request(path, { method, body, headers: { Origin: origin } })).status).toBe(403)
    }
    expect(await inbox()).toHaveLength(1)
    expect(await json('/faults')).toMatchObject({ fault: null })
    expect((await request(path, { method, body, headers: { Origin: sandbox.url } })).ok).toBe(true)
  })
})

test('closing ends open streams, hanging requests and a refusal without delay', async () => {
  const stream = await openEvents()
  await setFault({ kind: 'hang' })
  const unanswered = expect(send(mail)).rejects.toThrow('fetch failed')
  await vi.waitFor(async () => expect(await inbox()).toHaveLength(1))
  await setFault({ kind: 'refuse', seconds: 300 })
  await vi.waitFor(async () => expect(await knock()).toBe('ECONNREFUSED'))
  await sandbox.close()
  await unanswered
  await expect(stream.ended()).resolves.toBe(true)
})

test('a port that is taken is reported at the start', async () => {
  const port = Number(new URL(sandbox.url).port)
  const second = startMailSandbox({ port, host: '127.0.0.1', apiKey: API_KEY })
  await expect(second).rejects.toMatchObject({ code: 'EADDRINUSE' })
})

function request(path: string, init: RequestInit = {}) {
  return fetch(`${sandbox.url}${path}`, init)
}

async function json(path: string, init: RequestInit = {}) {
  return (await request(path, init)).json()
}

function authorized() {
  return { Authorization: `Bearer ${API_KEY}`, 'Content-Type': 'application/json' }
}

function send(body: unknown, { key, signal }: { key?: string; signal?: AbortSignal } = {}) {
  const headers = key === undefined ? authorized() : { ...authorized(), 'Idempotency-Key': key }
  return request('/emails', { method: 'POST', headers, body: JSON.stringify(body), signal: signal ?? null })
}

async function idOf(answer: Response) {
  return v.parse(v.object({ id: v.string() }), await answer.json()).id
}

async function inbox(path = '/emails') {
  return v.parse(v.object({ data: v.array(v.looseObject({ subject: v.string() })) }), await json(path)).data
}

async function subjects(path: string) {
  return (await inbox(path)).map(({ subject }) => subject)
}

function setFault(fault: unknown) {
  return json('/faults', { method: 'PUT', body: JSON.stringify(fault) })
}

/** What a plain TCP connection to the sandbox meets. */
function knock() {
  return new Promise<string>((resolve) => {
    const socket = createConnection(Number(new URL(sandbox.url).port), '127.0.0.1')
    socket.on('connect', () => {
      socket.destroy()
      resolve('connected')
    })
    socket.on('error', (error) => resolve('code' in error ? String(error.code) : error.message))
  })
}

async function openEvents() {
  const answer = await request('/events', { headers: { Accept: 'text/event-stream' } })
  expect(answer.headers.get('content-type')).toContain('text/event-stream')
  const chunks = (answer.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream()).getReader()
  let rest = ''

  return {
    async next() {
      while (!rest.includes('\n\n')) {
        const { value, done } = await chunks.read()
        if (done) throw new Error('the event stream has ended')
        rest += value
      }
      const [block = ''] = rest.split('\n\n', 1)
      rest = rest.slice(block.length + 2)
      const [, event, data = ''] = /^event: (.*)\ndata: (.*)$/.exec(block) ?? []
      return { event, data: JSON.parse(data) }
    },

    /** True once the server has ended the stream, properly or not. */
    async ended() {
      for (;;) {
        const { done } = await chunks.read().catch(() => ({ done: true }))
        if (done) return true
      }
    },
  }
}
