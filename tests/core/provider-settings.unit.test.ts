import * as v from 'valibot'
import { describe, expect, test } from 'vitest'
import { mailgun } from '../../src/core/mail/providers/mailgun.ts'
import { mailpit } from '../../src/core/mail/providers/mailpit.ts'
import { providers } from '../../src/core/mail/providers/providers.ts'
import { ses } from '../../src/core/mail/providers/ses.ts'
import { openEvents } from '../support/provider-events.ts'

const settings = [
  {
    what: 'the key of SES',
    schema: ses.settings?.apiKey,
    good: [undefined, 'AKID:secret', 'AKID:se/cr+et=:token', 'A:s:a:longer:token~', '!:9'],
    bad: [
      ...['', 'AKID', ':secret', 'AKID:', 'AKID:secret:', 'AK ID:secret', 'AKID:se cret', 'AKID:secret:to ken'],
      ...[' AKID:secret', 'AKID:secret ', 'AKID:sécret', 'AKÌD:secret', 'AKID:secret:tökén'],
    ],
    fault: 'must be ACCESS_KEY_ID:SECRET_ACCESS_KEY[:SESSION_TOKEN], or not set',
  },
  {
    what: 'the region of SES',
    schema: ses.settings?.region,
    good: ['eu-central-1', 'x', 'x'.repeat(40)],
    bad: ['x'.repeat(41), 'EU', 'eu_1', 'eu central', 'eu-central-1 ', ' eu-central-1'],
    fault: 'must be a region such as eu-central-1',
  },
  {
    what: 'the region of SES, which is needed,',
    schema: ses.settings?.region,
    good: [],
    bad: [undefined, ''],
    fault: 'must be set: the region of SES',
  },
  {
    what: 'the region of Mailgun',
    schema: mailgun.settings?.region,
    good: [undefined, 'us', 'eu'],
    bad: ['', 'mars', 'eu '],
    fault: 'must be us or eu',
  },
  {
    what: 'the key of Mailpit',
    schema: mailpit.settings?.apiKey,
    good: [undefined, 'user:password', '!~'],
    bad: ['', 'pass word', ' user:password', 'user:password ', 'pässword'],
    fault: 'must be visible ASCII without spaces',
  },
]

describe.each(settings)('$what', ({ schema, good, bad, fault }) => {
  const faultOf = (value: string | undefined) => (schema ? v.safeParse(schema, value).issues?.[0].message : 'no schema')

  test('is taken as it is documented, and no other', () => {
    for (const value of good) expect(faultOf(value), value).toBeUndefined()
    for (const value of bad) expect(faultOf(value), value).toBe(fault)
  })
})

test.each([
  { name: 'brevo', good: ['a-token', '!~'], bad: ['', 'a token', ' token', 'token ', 'tökén'] },
  { name: 'mailgun', good: ['x'], bad: [''] },
  {
    name: 'postmark',
    good: ['u:p', 'user:pass: word'],
    bad: ['', 'user', ':password', 'user:', ':', ':user:password', 'user:pass\nword'],
  },
  {
    name: 'resend',
    good: [`whsec_${'aZ0+/'.repeat(5)}`, `whsec_${'a'.repeat(16)}==`],
    bad: [
      '',
      `whsec_${'a'.repeat(15)}=`,
      `x whsec_${'a'.repeat(16)}`,
      `whsec_${'a'.repeat(16)}===`,
      `${'a'.repeat(32)}`,
    ],
  },
  { name: 'sendgrid', good: [openEvents('sendgrid').secret], bad: ['', 'hunter2'] },
  {
    name: 'ses',
    good: ['arn:aws:sns:eu-central-1:123456789012:latch_key-1.fifo', 'arn:aws-cn:sns:cn-north-1:123456789012:x'],
    bad: [
      '',
      'arn:aws:sns:eu-central-1:12345678901:x',
      'arn:aws:sqs:eu-central-1:123456789012:x',
      'arn:aws:sns::123456789012:x',
      'arn:aws:sns:eu-central-1:123456789012:',
      'arn:aws:sns:eu-central-1:123456789012:x y',
      'x arn:aws:sns:eu-central-1:123456789012:x',
    ],
  },
] as const)('a secret of $name is known by its form', ({ name, good, bad }) => {
  expect(providers[name].reports?.scheme).toMatch(/^by \S/)
  for (const secret of good) expect(providers[name].reports?.isSecret(secret), secret).toBe(true)
  for (const secret of bad) expect(providers[name].reports?.isSecret(secret), secret).toBe(false)
})

test.each([
  { apiKey: undefined, authorization: undefined },
  { apiKey: 'a-key', authorization: undefined },
  { apiKey: 'user:password', authorization: 'Basic dXNlcjpwYXNzd29yZA==' },
])('Mailpit with the key $apiKey is told $authorization', async ({ apiKey, authorization }) => {
  const mail = { to: 'ada@example.com', subject: '', text: '', html: '' }
  const request = await mailpit.connect({ url: '', apiKey, from: 'codes@example.com' })(mail, 'a-key')
  expect(request.headers.authorization).toBe(authorization)
  expect(JSON.parse(request.body).From).toStrictEqual({ Email: 'codes@example.com' })
})
