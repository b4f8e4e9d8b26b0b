import * as v from 'valibot'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type MailSandbox, startMailSandbox } from '../../dev/mail-sandbox/mail-sandbox.ts'
import { factsOf, fixtures } from '../../dev/mail-sandbox/provider/fixtures.ts'
import { providerNames } from '../../src/core/mail/providers/providers.ts'
import { createTestMailer, KEY, MAIL } from '../worker/providers/mailer-cases.ts'

test('each provider has a fixture, and each fixture is of a provider', () => {
  expect([...fixtures.keys()].toSorted()).toEqual(providerNames.toSorted())
})

describe.each(providerNames)('the mail sandbox as %s', (name) => {
  let sandbox: MailSandbox
  let mailer: ReturnType<typeof createTestMailer>

  beforeEach(async () => {
    sandbox = await startMailSandbox({ port: 0, host: '127.0.0.1', apiKey: factsOf(name).apiKey })
    mailer = createTestMailer(name, sandbox.url, { timeoutMs: 5000 })
  })
  afterEach(async () => {
    await mailer.close()
    await sandbox.close()
  })

  const inbox = async () => {
    const answer = await fetch(`${sandbox.url}/emails`)
    return v.parse(v.object({ data: v.array(v.looseObject({ id: v.string() })) }), await answer.json()).data
  }
  const fault = (body: object) => fetch(`${sandbox.url}/faults`, { method: 'PUT', body: JSON.stringify(body) })

  test('takes a mail of ours, shows it with its code, and gives an id', async () => {
    const { providerId } = await mailer.send()
    const [mail] = await inbox()
    expect(mail).toMatchObject({ to: [MAIL.to], subject: MAIL.subject, text: MAIL.text, html: MAIL.html, code: '0427' })
    expect(providerId).toContain(mail?.id)
  })

  test('refuses another key by its documented error, which is about us', async () => {
    const stranger = await startMailSandbox({ port: 0, host: '127.0.0.1', apiKey: 'OTHER:key' })
    const other = createTestMailer(name, stranger.url, { timeoutMs: 5000 })
    await expect(other.send()).rejects.toMatchObject({ name: 'MailerUnavailable', isAboutUs: true })
    await other.close()
    await stranger.close()
  })

  test('fails by the name of a documented error, and by a status in its own format', async () => {
    await fault({ kind: 'error', error: 'invalid', times: 1 })
    await expect(mailer.send()).rejects.toMatchObject({ name: 'MailRefused' })
    await fault({ kind: 'status', status: 429, retryAfter: '7', times: 1 })
    await expect(mailer.send()).rejects.toMatchObject({ retryAfterMs: 7000, isForEverybody: true })
    await expect(mailer.send()).resolves.toMatchObject({ providerId: expect.any(String) })
  })

  test('takes a copy under the same key as that provider does', async () => {
    await mailer.send()
    await mailer.send()
    const mails = await inbox()
    expect(mails).toHaveLength(factsOf(name).dropsCopies ? 1 : 2)
    if (name === 'resend') expect(mails[0]).toMatchObject({ idempotencyKey: KEY })
  })
})
