import { expect, test } from 'vitest'
import { readApiConfig } from '../../../src/api/config.ts'
import { openProviderEvents } from '../../../src/api/provider-events.ts'
import type { Environment } from '../../../src/core/process/config.ts'
import { fileWith } from '../../support/config.ts'
import { GOOD, messageOf } from './given.ts'

const RESEND = `whsec_${Buffer.from('a secret of the tests').toString('base64')}`
const OTHER = `whsec_${Buffer.from('another secret of the tests').toString('base64')}`
const NAMES = 'resend, postmark, sendgrid, mailgun, ses, brevo, mailpit'

test.each<{ given: Environment; fault: string }>([
  {
    given: { MAIL_EVENTS_SECRET: RESEND },
    fault: 'MAIL_PROVIDER: must be set too, as MAIL_EVENTS_SECRET is',
  },
  {
    given: { MAIL_FALLBACK_EVENTS_SECRET: RESEND },
    fault: 'MAIL_FALLBACK_PROVIDER: must be set too, as MAIL_FALLBACK_EVENTS_SECRET is',
  },
  {
    given: { MAIL_EVENTS_SECRET: RESEND, MAIL_PROVIDER: 'hush' },
    fault: `MAIL_PROVIDER: must be one of ${NAMES}`,
  },
  { given: { MAIL_FALLBACK_PROVIDER: 'hush' }, fault: `MAIL_FALLBACK_PROVIDER: must be one of ${NAMES}` },
  {
    given: { MAIL_PROVIDER: 'mailpit', MAIL_EVENTS_SECRET: RESEND },
    fault: 'MAIL_EVENTS_SECRET: must not be set: mailpit reports nothing',
  },
  {
    given: { MAIL_PROVIDER: 'resend', MAIL_EVENTS_SECRET: 'hush' },
    fault: 'MAIL_EVENTS_SECRET: must be a secret of resend: see docs/providers.md',
  },
  {
    given: { MAIL_FALLBACK_PROVIDER: 'resend', MAIL_FALLBACK_EVENTS_SECRET: 'hush' },
    fault: 'MAIL_FALLBACK_EVENTS_SECRET: must be a secret of resend: see docs/providers.md',
  },
])('$given is refused: $fault', ({ given, fault }) => {
  const message = messageOf({ ...GOOD, ...given })
  expect(message.match(/^ +[A-Z_]+: .*/gm)).toEqual([`  ${fault}`])
})

test('a secret in a file needs its provider, too', () => {
  const message = messageOf({ ...GOOD, MAIL_EVENTS_SECRET_FILE: fileWith(RESEND) })
  expect(message).toContain('MAIL_PROVIDER: must be set too, as MAIL_EVENTS_SECRET is')
})

const open = (given: Environment) => openProviderEvents(readApiConfig({ ...GOOD, ...given }))

test.each<{ given: Environment; names: string[]; secrets: string[] }>([
  { given: {}, names: [], secrets: [] },
  { given: { MAIL_PROVIDER: 'mailpit' }, names: [], secrets: [] },
  { given: { MAIL_PROVIDER: 'resend' }, names: [], secrets: [] },
  { given: { MAIL_PROVIDER: 'resend', MAIL_EVENTS_SECRET: RESEND }, names: ['resend'], secrets: [RESEND] },
  {
    given: { MAIL_PROVIDER: 'ses', MAIL_FALLBACK_PROVIDER: 'resend', MAIL_FALLBACK_EVENTS_SECRET: OTHER },
    ...{ names: ['resend'], secrets: [OTHER] },
  },
  {
    given: {
      ...{ MAIL_PROVIDER: 'resend', MAIL_EVENTS_SECRET: RESEND },
      ...{ MAIL_FALLBACK_PROVIDER: 'resend', MAIL_FALLBACK_EVENTS_SECRET: OTHER },
    },
    ...{ names: ['resend', 'resend'], secrets: [RESEND, OTHER] },
  },
  {
    given: {
      ...{ MAIL_PROVIDER: 'postmark', MAIL_EVENTS_SECRET: 'name:word' },
      ...{ MAIL_FALLBACK_PROVIDER: 'resend', MAIL_FALLBACK_EVENTS_SECRET: OTHER },
    },
    ...{ names: ['postmark', 'resend'], secrets: [OTHER] },
  },
])('of $given the reports of $names are taken', ({ given, names, secrets }) => {
  const events = open(given)
  expect([events.names, events.secretsOf('resend')]).toEqual([names, secrets])
})
