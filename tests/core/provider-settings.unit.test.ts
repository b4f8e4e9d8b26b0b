import * as v from 'valibot'
import { describe, expect, test } from 'vitest'
import { mailgun } from '../../src/core/mail/providers/mailgun.ts'
import { mailpit } from '../../src/core/mail/providers/mailpit.ts'
import { ses } from '../../src/core/mail/providers/ses.ts'

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
