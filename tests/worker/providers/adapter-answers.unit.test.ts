import { HttpResponse, http } from 'msw'
import { describe, expect, test } from 'vitest'
import { toResponse } from '../../../dev/mail-sandbox/provider/facts.ts'
import { shareNetwork, URL_OF_TESTS, useMailer } from './intercepted.ts'
import { MAIL, mailers } from './mailer-cases.ts'

const WORDS_OF_PROVIDER = 'words of the provider'

const network = shareNetwork()

describe.each(mailers)('the $name mailer', ({ name, path, facts }) => {
  const mailer = useMailer(name)
  const accepted = () => toResponse(facts.accept('id-1'))
  const answerWith = (answer: () => Response) => network.use(http.post(`${URL_OF_TESTS}${path}`, answer))
  const answerStatus = (status: number, more: Record<string, string> = {}) =>
    answerWith(() =>
      HttpResponse.json(
        { message: WORDS_OF_PROVIDER, name: WORDS_OF_PROVIDER, code: WORDS_OF_PROVIDER },
        { status, headers: more },
      ),
    )

  test("the provider's documented success is acceptance, with its id", async () => {
    answerWith(accepted)
    expect(await mailer.send()).toEqual({ providerId: expect.stringContaining('id-1') })
  })

  test.each([
    { what: 'a page', answer: () => HttpResponse.html('<p>queued</p>', { status: 200 }) },
    { what: 'broken JSON', answer: () => HttpResponse.text('{"id": "id-', { status: 200 }) },
    { what: 'JSON null', answer: () => HttpResponse.json(null) },
    { what: 'a list', answer: () => HttpResponse.json(['id-1']) },
  ])('a 200 with $what is not the acceptance of the provider: it counts as silence', async ({ answer }) => {
    answerWith(answer)
    await expect(mailer.send()).rejects.toMatchObject({ message: `${name}-answer-unreadable`, isClearNo: false })
  })

  test('an answer of more than 64 KiB is not read to its end, and counts as silence', async () => {
    answerWith(() => HttpResponse.text('x'.repeat(64 * 1024 + 1)))
    await expect(mailer.send()).rejects.toMatchObject({ message: `${name}-silent`, isClearNo: false })
    answerWith(() => HttpResponse.text('x'.repeat(64 * 1024)))
    await expect(mailer.send()).rejects.toMatchObject({ message: `${name}-answer-unreadable`, isClearNo: false })
  })

  const documented = Object.entries(facts.errors).map(([error, fact]) => ({ error, ...fact }))

  test.each(documented)('$error ($document) means: $means', async (fact) => {
    answerWith(() => toResponse(fact))
    const sent = mailer.send()
    if (fact.means === 'taken') return expect(await sent).toEqual({ providerId: null })
    await expect(sent).rejects.toMatchObject(
      fact.means === 'this-mail' || fact.means === 'this-address'
        ? { name: 'MailRefused', message: fact.word, isAboutAddress: fact.means === 'this-address' }
        : {
            name: 'MailerUnavailable',
            message: fact.word,
            isClearNo: fact.means !== 'silence',
            isAboutUs: fact.means === 'us',
            isKeyUnusable: fact.means === 'key-unusable',
          },
    )
  })

  test.each([402, 404, 406, 409, 410, 418, 422, 451])('an unknown %i is about us, and never final', async (status) => {
    answerStatus(status)
    await expect(mailer.send()).rejects.toMatchObject({ name: 'MailerUnavailable', isClearNo: true, isAboutUs: true })
  })

  test.each([301, 302, 307, 308, 408, 425, 429, 503])('%i is a clear no for now', async (status) => {
    answerStatus(status, status < 400 ? { location: `${URL_OF_TESTS}/elsewhere` } : {})
    await expect(mailer.send()).rejects.toMatchObject({
      name: 'MailerUnavailable',
      message: expect.stringMatching(`^${name}-${status}`),
      isClearNo: true,
      isAboutUs: false,
      retryAfterMs: null,
    })
  })

  test.each([500, 502, 504, 520, 524, 529, 599])(
    '%i may come from a gateway that has passed the mail on',
    async (status) => {
      answerStatus(status)
      await expect(mailer.send()).rejects.toMatchObject({ message: `${name}-${status}`, isClearNo: false })
    },
  )

  test.each([400, 422, 401, 429, 503])('no word of a %i answer gets into the error', async (status) => {
    answerStatus(status)
    const error = await mailer.send().catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(Error)
    const shown = error instanceof Error ? `${error.message} ${error.stack} ${JSON.stringify(error)}` : ''
    expect(shown).not.toContain(WORDS_OF_PROVIDER)
    for (const secret of [facts.apiKey, MAIL.to, '0427']) expect(shown).not.toContain(secret)
  })

  test.each([429, 503, 403, 307])('Retry-After in seconds comes along with %i', async (status) => {
    answerStatus(status, { 'retry-after': '17' })
    await expect(mailer.send()).rejects.toMatchObject({ isClearNo: true, retryAfterMs: 17_000 })
  })

  test('Retry-After as a date comes along as the time until then', async () => {
    answerStatus(503, { 'retry-after': new Date(Date.now() + 60_000).toUTCString() })
    const error = await mailer.send().catch((reason: unknown) => reason)
    const waitMs = error instanceof Error && 'retryAfterMs' in error ? Number(error.retryAfterMs) : 0
    expect(waitMs).toBeGreaterThan(50_000)
    expect(waitMs).toBeLessThanOrEqual(60_000)
  })

  test.each(['soon', '-5', '1.5', ''])('a Retry-After of "%s" is as none', async (field) => {
    answerStatus(503, { 'retry-after': field })
    await expect(mailer.send()).rejects.toMatchObject({ isClearNo: true, retryAfterMs: null })
  })

  test('the end of its window, told with a 429, is a time to wait', async () => {
    answerStatus(429, { 'x-ratelimit-reset': String(Math.floor(Date.now() / 1000) + 30) })
    const error = await mailer.send().catch((reason: unknown) => reason)
    const waitMs = error instanceof Error && 'retryAfterMs' in error ? Number(error.retryAfterMs) : 0
    expect(waitMs).toBeGreaterThan(25_000)
    expect(waitMs).toBeLessThanOrEqual(30_000)
  })

  test('a broken connection is no answer', async () => {
    answerWith(() => HttpResponse.error())
    await expect(mailer.send()).rejects.toMatchObject({ name: 'MailerUnavailable' })
  })
})
