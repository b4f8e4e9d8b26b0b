import { describe, expect, test } from 'vitest'
import type { SignedEvent } from '../../dev/mail-sandbox/provider/facts.ts'
import { factsOf } from '../../dev/mail-sandbox/provider/fixtures.ts'
import { type ProviderName, providers } from '../../src/core/mail/providers/providers.ts'
import { bounceKinds, type Report } from '../../src/core/mail/providers/report.ts'
import { idOf, openEvents } from '../support/provider-events.ts'
import { testedProviders } from '../support/tested-providers.ts'

// What only SNS can sign is in ses-reports.unit.test.ts.
const names = testedProviders.filter((name) => factsOf(name).openEvents)

const NO = ['not admitted', 'unauthenticated']

const open = (name: ProviderName) => {
  const events = openEvents(name)
  const { reports } = providers[name]
  if (!reports) throw new Error(`${name} has events and no reader of them`)
  const ask = async ({ headers, body }: SignedEvent, secret = events.secret) => {
    const request = { headers: new Headers(headers), body: Buffer.from(body), secret }
    if (!reports.admits(request.headers, secret)) return 'not admitted'
    return reports.read({ ...request, fetchText: () => Promise.reject(new Error('nothing is fetched')) })
  }
  return { ...events, ask, read: (event: unknown) => ask(events.sign(event)) }
}

/** A second of now: some providers tell no finer times. */
const now = () => new Date(Math.floor(Date.now() / 1000) * 1000)
const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000)

describe.each(names)('a report of %s', (name) => {
  const { about, ask, ignored, read, sign, signsTime } = open(name)

  test.each(['delivered', ...bounceKinds] as const)(
    '%s is read, with the id that we know and its time',
    async (kind) => {
      const at = now()
      expect(await read(about(kind, 'id-1', at))).toEqual([{ providerId: idOf(name, 'id-1'), kind, at }])
    },
  )

  test('of no interest, or of another shape, says nothing', async () => {
    expect(await read(ignored)).toEqual([])
    for (const other of Array.isArray(ignored) ? [[], [null], [17], [{}]] : [{}, { event: 17 }])
      expect(await read(other)).toEqual([])
  })

  test('is refused with another secret', async () => {
    expect(NO).toContain(await ask(sign(about('delivered', 'id-1')), open(name).secret))
  })

  test('is refused without what signs it', async () => {
    const { headers, body } = sign(about('delivered', 'id-1'))
    for (const field of Object.keys(headers).filter((one) => /authorization|signature|timestamp|-id$/.test(one))) {
      const { [field]: _, ...others } = headers
      expect(await ask({ headers: others, body })).toBe('not admitted')
    }
  })

  test('that is no JSON is malformed, however well it is signed', async () => {
    const source = factsOf(name).openEvents?.()
    // Mailgun signs in the JSON.
    const broken = { headers: { 'content-type': 'application/json' }, body: '{' }
    const signed = name === 'mailgun' ? broken : source?.sign('{', { id: 'a-message', at: new Date() })
    expect(await ask(signed ?? broken, source?.secret)).toBe('malformed')
  })

  test.runIf(signsTime)('is believed for five minutes', async () => {
    const event = about('delivered', 'id-1')
    expect(await ask(sign(event, minutesAgo(4.9)))).toHaveLength(1)
    for (const at of [minutesAgo(5.1), minutesAgo(-5.1)]) expect(NO).toContain(await ask(sign(event, at)))
  })
})

const bounced = (bounce: object) => ({ type: 'email.bounced', data: { email_id: 'id-1', bounce } })

/** A member that is no text. */
const wrong = (...members: string[]): [object, null][] => members.map((member) => [{ [member]: 17 }, null])

/** Over the provider's event of a delivery: which kind that makes it. */
const variants: Partial<Record<ProviderName, [event: object, kind: Report['kind'] | null][]>> = {
  resend: [
    [bounced({ type: 'Transient' }), null],
    [bounced({ type: 'Undetermined' }), null],
    [bounced({}), 'hard-bounce'],
    [{ type: 'email.bounced' }, 'hard-bounce'],
    [bounced({ type: 'Permanent', subType: 'OnAccountSuppressionList' }), 'suppressed'],
    [{ data: { email_id: 'id-1', bounce: { type: 'Transient', subType: 'Suppressed' } } }, 'delivered'],
    [{ data: { email_id: 17 } }, null],
    [{ type: 'constructor' }, null],
    [bounced({ type: 17 }), null],
    [bounced({ subType: 17 }), null],
  ],
  postmark: [
    [{ RecordType: 'Bounce', Type: 'BadEmailAddress' }, 'hard-bounce'],
    [{ RecordType: 'Bounce', Type: 'SpamNotification' }, 'dropped'],
    [{ RecordType: 'Bounce', Type: 'DMARCPolicy' }, 'dropped'],
    [{ RecordType: 'Bounce', Type: 'SpamComplaint' }, 'complaint'],
    [{ RecordType: 'Bounce', Type: 'SoftBounce' }, null],
    [{ RecordType: 'Bounce' }, null],
    [{ RecordType: 'Bounce', Type: 'constructor' }, null],
    [{ RecordType: 'Open', Type: 'HardBounce' }, null],
    ...wrong('RecordType', 'MessageID', 'Type', 'DeliveredAt', 'BouncedAt'),
  ],
  sendgrid: [
    [{ event: 'bounce' }, 'hard-bounce'],
    [{ event: 'bounce', type: 'blocked' }, null],
    [{ event: 'delivered', type: 'blocked' }, 'delivered'],
    [{ event: 'dropped' }, 'dropped'],
    [{ event: 'dropped', reason: 'Unsubscribed Address' }, 'suppressed'],
    [{ event: 'dropped', reason: 'Spam Reporting Address' }, 'suppressed'],
    [{ event: 'deferred' }, null],
    ...wrong('event', 'sg_message_id', 'type', 'reason'),
    [{ timestamp: 'now' }, null],
    [{ sg_message_id: 'id-1.recvd-canary-7b-2x.0' }, 'delivered'],
    [{ sg_message_id: 'id-1.geopod-ismtpd-1' }, 'delivered'],
    [{ sg_message_id: 'id-1.ismtpd0001p1iad1' }, 'delivered'],
    [{ sg_message_id: 'id-1' }, 'delivered'],
  ],
  mailgun: [
    [{ event: 'failed', severity: 'temporary' }, null],
    [{ event: 'failed' }, 'hard-bounce'],
    [{ event: 'failed', severity: 'permanent', reason: 'not suppressed' }, 'hard-bounce'],
    [{ event: 'opened', severity: 'permanent' }, null],
    ...wrong('event', 'severity', 'reason', 'message'),
    [{ timestamp: 'now' }, null],
    [{ message: { headers: {} } }, null],
    [{ message: { headers: { 'message-id': '<id-1@sandbox.mailgun.example>' } } }, 'delivered'],
  ],
  brevo: [
    [{ event: 'hardBounce' }, 'hard-bounce'],
    [{ event: 'invalid_email' }, 'hard-bounce'],
    [{ event: 'invalid' }, 'hard-bounce'],
    [{ event: 'complaint' }, 'complaint'],
    [{ event: 'constructor' }, null],
    [{ event: 'soft_bounce' }, null],
    ...wrong('event', 'message-id'),
    [{ ts_event: 'now' }, null],
  ],
}

describe.each(names)('%s calls', (name) => {
  test.each(variants[name] ?? [])('%j: %s', async (event, kind) => {
    const { about, read } = open(name)
    const at = now()
    const [whole] = [about('delivered', 'id-1', at)].flat()
    const changed = Object.assign({}, whole, event)
    const reports = kind === null ? [] : [{ providerId: idOf(name, 'id-1'), kind, at }]
    expect(await read(name === 'sendgrid' ? [changed] : changed)).toEqual(reports)
  })
})

test('an event of SendGrid outside a list is malformed, and an id with other points in it is whole', async () => {
  const { about, ask, read, sign } = open('sendgrid')
  expect(await read({})).toBe('malformed')
  expect(await ask(sign([]), 'no key')).toBe('unauthenticated')
  const [event] = [about('delivered', 'id-1')].flat()
  const pointed = Object.assign({}, event, { sg_message_id: 'a.b-filter.recvd.c' })
  expect(await read([pointed])).toMatchObject([{ providerId: 'a.b-filter' }])
})

test('an event of Mailgun is admitted as JSON, and its token is believed for one body', async () => {
  const { about, ask, sign } = open('mailgun')
  const { headers, body } = sign(about('delivered', 'id-1'))
  for (const type of ['text/plain', 'text/application/json', 'application/jsonx', ''])
    expect(await ask({ headers: { 'content-type': type }, body })).toBe('not admitted')
  expect(await ask({ headers: {}, body })).toBe('not admitted')
  for (const type of ['application/json', 'Application/JSON; charset=utf-8'])
    expect(await ask({ headers: { ...headers, 'content-type': type }, body })).toHaveLength(1)
  expect(await ask({ headers, body: body.replace('"delivered"', '"complained"') })).toBe('unauthenticated')
  for (const other of ['{}', '{"signature":{}}', body.replace('"timestamp":', '"time":')])
    expect(await ask({ headers, body: other })).toBe('unauthenticated')
})
