import { readFileSync } from 'node:fs'
import { HttpResponse, http } from 'msw'
import { describe, expect, test } from 'vitest'
import { toResponse } from '../../../dev/mail-sandbox/provider/facts.ts'
import { providers } from '../../../src/core/mail/providers/providers.ts'
import { createMailer } from '../../../src/worker/providers/create-mailer.ts'
import { shareNetwork, URL_OF_TESTS, useMailer } from './intercepted.ts'
import { createTestMailer, FROM, KEY, MAIL, mailers } from './mailer-cases.ts'

const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'))

const network = shareNetwork()

const readBody = (type: string | undefined, body: string): unknown =>
  type === 'application/x-www-form-urlencoded' ? Object.fromEntries(new URLSearchParams(body)) : JSON.parse(body)

describe.each(mailers)('the $name mailer', ({ name, path, headers, body, facts }) => {
  const mailer = useMailer(name)
  const accepted = () => toResponse(facts.accept('id-1'))

  test('the request is what the provider documents, with the key, and the same bytes every time', async () => {
    const requests: { headers: Record<string, string>; body: string }[] = []
    network.use(
      http.post(`${URL_OF_TESTS}${path}`, async ({ request }) => {
        requests.push({ headers: Object.fromEntries(request.headers), body: await request.text() })
        return accepted()
      }),
    )
    await mailer.send()
    await mailer.send()
    expect(requests[0]?.headers).toMatchObject({
      accept: 'application/json',
      'user-agent': `latchkey/${version}`,
      ...headers,
    })
    expect(readBody(headers['content-type'], requests[0]?.body ?? '')).toEqual(body)
    expect(requests[1]?.body).toBe(requests[0]?.body)
  })

  test('the sandbox and the provider read the same mail and key out of it', async () => {
    let read: ReturnType<typeof facts.read> = null
    network.use(
      http.post(`${URL_OF_TESTS}${path}`, async ({ request }) => {
        if (!facts.isAuthentic(request.headers, facts.apiKey)) return toResponse(facts.errors.unauthorized)
        read = facts.read(await request.text(), request.headers)
        return accepted()
      }),
    )
    await mailer.send()
    expect(read).toMatchObject({
      from: FROM,
      to: [MAIL.to],
      subject: MAIL.subject,
      text: MAIL.text,
      html: MAIL.html,
      key: KEY,
    })
  })

  test('a name with umlauts, a comma and quotes reaches the provider as it is read by people', async () => {
    const bodies: string[] = []
    network.use(
      http.post(`${URL_OF_TESTS}${path}`, async ({ request }) => {
        bodies.push(await request.text())
        return accepted()
      }),
    )
    for (const from of ['Müller, "Söhne" <codes@latchkey.example>', '"Müller, \\"Söhne\\"" <codes@latchkey.example>']) {
      const other = createTestMailer(name, URL_OF_TESTS, { timeoutMs: 2000, from })
      await other.send()
      await other.close()
    }
    const sender = facts.read(bodies[0] ?? '', new Headers())?.from
    expect(sender).toBe('"Müller, \\"Söhne\\"" <codes@latchkey.example>')
    expect(bodies[1]).toBe(bodies[0])
  })

  test('the public address is used unless another is given, and a slash at its end changes nothing', async () => {
    const publicUrl = providers[name].publicUrl(facts.region)
    const urls: string[] = []
    for (const base of [publicUrl, URL_OF_TESTS]) {
      network.use(
        http.post(`${base}${path}`, ({ request }) => {
          urls.push(request.url)
          return accepted()
        }),
      )
    }
    for (const url of [publicUrl, `${URL_OF_TESTS}//`]) {
      const other = createTestMailer(name, url, { timeoutMs: 2000 })
      await other.send()
      await other.close()
    }
    expect(urls).toEqual([`${publicUrl}${path}`, `${URL_OF_TESTS}${path}`])
  })
})

test('Mailgun takes the domain that it is told, in the region that it is told', async () => {
  expect(providers.mailgun.publicUrl('eu')).toBe('https://api.eu.mailgun.net')
  expect(providers.mailgun.publicUrl(undefined)).toBe('https://api.mailgun.net')
  const urls: string[] = []
  network.use(
    http.post(`${URL_OF_TESTS}/v3/mg.example.org/messages`, ({ request }) => {
      urls.push(request.url)
      return HttpResponse.json({ id: '<id-1>', message: 'Queued. Thank you.' })
    }),
  )
  const settings = { url: URL_OF_TESTS, apiKey: 'a-key', from: FROM, domain: 'mg.example.org' }
  const mailer = createMailer('mailgun', { ...settings, timeoutMs: 2000, connections: 1 })
  await mailer.send(MAIL, { idempotencyKey: KEY, signal: AbortSignal.timeout(2000) })
  await mailer.close()
  expect(urls).toHaveLength(1)
})
