import { HttpRequestInterceptor } from '@mswjs/interceptors/http'
import { HttpResponse, http } from 'msw'
import { defineNetwork, InterceptorSource } from 'msw/experimental'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createMailer, PUBLIC_MAIL_URLS } from '../../src/worker/providers/create-mailer.ts'
import { API_KEY, createTestMailer, FROM, MAIL, mailers } from './mailer-cases.ts'

const URL_OF_TESTS = 'http://mail-provider.test'
const WORDS_OF_PROVIDER = 'words of the provider'

const network = defineNetwork({
  sources: [new InterceptorSource({ interceptors: [new HttpRequestInterceptor()] })],
  handlers: [],
  onUnhandledFrame: 'error',
  context: { quiet: true },
})
beforeAll(() => network.enable())
afterEach(() => network.resetHandlers())
afterAll(() => network.disable())

describe.each(mailers)('the $name mailer', ({ name, path, headers, body, idMember }) => {
  let mailer: ReturnType<typeof createTestMailer>
  beforeEach(() => {
    mailer = createTestMailer(name, URL_OF_TESTS, 2000)
  })
  afterEach(() => mailer.close())

  const answerWith = (answer: () => Response) => network.use(http.post(`${URL_OF_TESTS}${path}`, answer))
  const answerStatus = (status: number, more: Record<string, string> = {}) =>
    answerWith(() =>
      HttpResponse.json({ message: WORDS_OF_PROVIDER, name: WORDS_OF_PROVIDER }, { status, headers: more }),
    )

  test('the request is what the provider documents, with the key, and the same bytes every time', async () => {
    const requests: { headers: Record<string, string>; body: string }[] = []
    network.use(
      http.post(`${URL_OF_TESTS}${path}`, async ({ request }) => {
        requests.push({ headers: Object.fromEntries(request.headers), body: await request.text() })
        return HttpResponse.json({ [idMember]: 'id-1' })
      }),
    )
    await mailer.send()
    await mailer.send()
    expect(requests[0]?.headers).toMatchObject({
      'content-type': 'application/json',
      accept: 'application/json',
      ...headers,
    })
    expect(JSON.parse(requests[0]?.body ?? '')).toEqual(body)
    expect(requests[1]?.body).toBe(requests[0]?.body)
  })

  test('the public address is used unless another is given, and a slash at its end changes nothing', async () => {
    const urls: string[] = []
    for (const base of [PUBLIC_MAIL_URLS[name], URL_OF_TESTS]) {
      network.use(
        http.post(`${base}${path}`, ({ request }) => {
          urls.push(request.url)
          return HttpResponse.json({})
        }),
      )
    }
    for (const url of [PUBLIC_MAIL_URLS[name], `${URL_OF_TESTS}//`]) {
      const other = createMailer(name, { url, apiKey: API_KEY, from: FROM, timeoutMs: 2000, connections: 1 })
      await other.send(MAIL, { idempotencyKey: 'key-1', signal: AbortSignal.timeout(2000) })
      await other.close()
    }
    expect(urls).toEqual([`${PUBLIC_MAIL_URLS[name]}${path}`, `${URL_OF_TESTS}${path}`])
  })

  test.each([200, 201, 202])('%i is acceptance, with the id that the provider gave', async (status) => {
    answerWith(() => HttpResponse.json({ [idMember]: 'id-1', other: 1 }, { status }))
    expect(await mailer.send()).toEqual({ providerId: 'id-1' })
  })

  test.each([
    { what: 'an empty body', answer: () => new HttpResponse(null, { status: 200 }) },
    { what: '204', answer: () => new HttpResponse(null, { status: 204 }) },
    { what: 'broken JSON', answer: () => HttpResponse.text('{"id": "id-', { status: 200 }) },
    { what: 'a page', answer: () => HttpResponse.html('<p>queued</p>', { status: 202 }) },
    { what: 'JSON null', answer: () => HttpResponse.json(null) },
    { what: 'an id that is no string', answer: () => HttpResponse.json({ [idMember]: 17 }) },
    { what: 'no id', answer: () => HttpResponse.json({ ok: true }) },
    { what: 'a body far too long', answer: () => HttpResponse.text('x'.repeat(1_000_000)) },
  ])('a yes with $what is still a yes, without an id', async ({ answer }) => {
    answerWith(answer)
    expect(await mailer.send()).toEqual({ providerId: null })
  })

  test.each([400, 404, 413, 422])('%i is a no for this mail', async (status) => {
    answerStatus(status)
    await expect(mailer.send()).rejects.toMatchObject({ name: 'MailRefused', message: `provider-${status}` })
  })

  test.each([
    301, 302, 307, 308, 401, 402, 403, 405, 406, 408, 409, 410, 418, 425, 429, 451, 500, 502, 503, 504, 529, 599,
  ])('%i is a clear no for now', async (status) => {
    answerStatus(status, status < 400 ? { location: `${URL_OF_TESTS}/elsewhere` } : {})
    await expect(mailer.send()).rejects.toMatchObject({
      name: 'MailerUnavailable',
      message: `provider-${status}`,
      isClearNo: true,
      retryAfterMs: null,
    })
  })

  test.each([400, 422, 401, 429, 503])('no word of a %i answer gets into the error', async (status) => {
    answerStatus(status)
    const error = await mailer.send().catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(Error)
    const shown = error instanceof Error ? `${error.message} ${error.stack} ${JSON.stringify(error)}` : ''
    expect(shown).not.toContain(WORDS_OF_PROVIDER)
    for (const secret of [API_KEY, MAIL.to, '0427']) expect(shown).not.toContain(secret)
  })

  test.each([429, 503, 403, 307])('Retry-After in seconds comes along with %i', async (status) => {
    answerStatus(status, { 'retry-after': '17' })
    await expect(mailer.send()).rejects.toMatchObject({ isClearNo: true, retryAfterMs: 17_000 })
  })

  test('Retry-After as a date comes along as the time until then', async () => {
    const inOneMinute = Date.now() + 60_000
    answerStatus(503, { 'retry-after': new Date(inOneMinute).toUTCString() })
    const error = await mailer.send().catch((reason: unknown) => reason)
    expect(error).toMatchObject({ name: 'MailerUnavailable', retryAfterMs: expect.any(Number) })
    const waitMs = error instanceof Error && 'retryAfterMs' in error ? Number(error.retryAfterMs) : 0
    expect(waitMs).toBeGreaterThan(50_000)
    expect(waitMs).toBeLessThanOrEqual(60_000)
  })

  test.each(['soon', '-5', '1.5', ''])('a Retry-After of "%s" is as none', async (field) => {
    answerStatus(503, { 'retry-after': field })
    await expect(mailer.send()).rejects.toMatchObject({ isClearNo: true, retryAfterMs: null })
  })

  test('a broken connection is no answer', async () => {
    answerWith(() => HttpResponse.error())
    await expect(mailer.send()).rejects.toMatchObject({ name: 'MailerUnavailable', isClearNo: false })
  })
})
