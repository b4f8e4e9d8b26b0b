import { afterEach, expect, test, vi } from 'vitest'
import { createMailer, type MailerSettings } from '../../../src/worker/providers/create-mailer.ts'
import { FROM, KEY, MAIL } from './mailer-cases.ts'

const SETTINGS: MailerSettings = {
  ...{ url: 'http://127.0.0.1:1', apiKey: 'a-key', from: FROM },
  ...{ timeoutMs: 500, connections: 1 },
}

afterEach(() => {
  vi.unstubAllEnvs()
})

test('a mailer is named, and its format tells all that decides the bytes of a mail', async () => {
  const mailers = [
    createMailer('resend', SETTINGS),
    createMailer('resend', { ...SETTINGS, apiKey: 'another', url: 'http://127.0.0.1:2' }),
    createMailer('mailgun', SETTINGS),
    createMailer('resend', { ...SETTINGS, from: 'Another <codes@latchkey.example>' }),
    createMailer('resend', { ...SETTINGS, from: 'codes@latchkey.example', domain: 'org' }),
    createMailer('resend', { ...SETTINGS, from: 'codes@latchkey.exampleorg' }),
  ]
  expect(mailers.map(({ provider }) => provider)).toEqual(['resend', 'resend', 'mailgun', 'resend', 'resend', 'resend'])
  const formats = mailers.map(({ format }) => format)
  expect(formats[1]).toBe(formats[0])
  expect(new Set(formats).size).toBe(5)
  for (const mailer of mailers) await mailer.close()
})

test('a mail that nothing can sign is kept, and is about us', async () => {
  for (const name of Object.keys(process.env).filter((one) => one.startsWith('AWS_'))) vi.stubEnv(name, undefined)
  const mailer = createMailer('ses', { ...SETTINGS, apiKey: undefined, region: 'eu-central-1' })
  const sent = mailer.send(MAIL, { idempotencyKey: KEY, signal: AbortSignal.timeout(20_000) })
  await expect(sent).rejects.toMatchObject({
    ...{ name: 'MailerUnavailable', message: 'ses-credentials-missing', isClearNo: true, isAboutUs: true },
    cause: expect.any(AggregateError),
  })
  await mailer.close()
})

test('a mailer that was closed calls nobody', async () => {
  const mailer = createMailer('resend', SETTINGS)
  await mailer.close()
  const sent = mailer.send(MAIL, { idempotencyKey: KEY, signal: AbortSignal.timeout(20_000) })
  await expect(sent).rejects.toMatchObject({ message: 'resend-not-reached', cause: { code: 'UND_ERR_DESTROYED' } })
})
