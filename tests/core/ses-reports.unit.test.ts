import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { ses } from '../../src/core/mail/providers/ses.ts'
import { createAuthority } from '../stores/certificates.ts'
import { signBySns, TOPIC } from '../support/sns.ts'

const CERTIFICATE_URL = 'https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-0123.pem'

let pair: { certificate: string; key: string }
beforeAll(() => {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-sns-'))
  const issued = createAuthority(folder, 'sns').issue('sns')
  pair = { certificate: readFileSync(issued.certificate, 'utf8'), key: readFileSync(issued.key, 'utf8') }
  rmSync(folder, { recursive: true })
})

const fetchText = vi.fn<(url: string) => Promise<string>>()
beforeEach(() => {
  fetchText.mockReset().mockImplementation(async (url) => (url.endsWith('.pem') ? pair.certificate : '<ok/>'))
})

const signed = (fields: Record<string, string>, version: '1' | '2' = '2') =>
  signBySns({ SigningCertURL: `${CERTIFICATE_URL}?${Math.random()}.pem`, ...fields }, pair.key, version)

const read = (message: object) =>
  ses.reports?.read({ headers: new Headers(), body: Buffer.from(JSON.stringify(message)), secret: TOPIC, fetchText })

const event = (fields: object) => ({ Message: JSON.stringify({ mail: { messageId: 'id-1' }, ...fields }) })
const delivery = event({ notificationType: 'Delivery', delivery: { timestamp: '2026-11-26T19:00:00.000Z' } })

describe('a message of SNS', () => {
  test.each(['1', '2'] as const)('with signature version %s is believed', async (version) => {
    expect(await read(signed({ ...delivery, Subject: 'with a subject' }, version))).toEqual([
      { providerId: 'id-1', kind: 'delivered', at: new Date('2026-11-26T19:00:00.000Z') },
    ])
  })

  test.each([
    { fields: { eventType: 'Delivery' }, kinds: ['delivered'] },
    {
      fields: { eventType: 'Bounce', bounce: { bounceType: 'Permanent', bounceSubType: 'General' } },
      kinds: ['hard-bounce'],
    },
    {
      fields: {
        notificationType: 'Bounce',
        bounce: { bounceType: 'Permanent', bounceSubType: 'OnAccountSuppressionList' },
      },
      kinds: ['suppressed'],
    },
    { fields: { notificationType: 'Bounce', bounce: { bounceType: 'Transient' } }, kinds: [] },
    { fields: { notificationType: 'Bounce' }, kinds: [] },
    { fields: { notificationType: 'Bounce', bounce: { bounceType: 'Permanent' } }, kinds: ['hard-bounce'] },
    { fields: { notificationType: 'Complaint' }, kinds: ['complaint'] },
    { fields: { eventType: 'Reject' }, kinds: ['dropped'] },
    { fields: { eventType: 'Open' }, kinds: [] },
  ])('$fields gives $kinds', async ({ fields, kinds }) => {
    const reports = await read(signed(event(fields)))
    expect(Array.isArray(reports) ? reports.map(({ kind }) => kind) : reports).toEqual(kinds)
  })

  test.each([
    { what: 'of another topic', fields: { TopicArn: `${TOPIC}-2` } },
    { what: 'with a certificate of another host', fields: { SigningCertURL: 'https://sns.example.com/x.pem' } },
    {
      what: 'with a host that only looks right',
      fields: { SigningCertURL: 'https://sns.eu-central-1.amazonaws.com.evil.example/x.pem' },
    },
    { what: 'with a bucket as host', fields: { SigningCertURL: 'https://sns.s3.amazonaws.com.example/x.pem' } },
    { what: 'with a certificate by http', fields: { SigningCertURL: 'http://sns.eu-central-1.amazonaws.com/x.pem' } },
    {
      what: 'with credentials before the host',
      fields: { SigningCertURL: 'https://a@sns.eu-central-1.amazonaws.com/x.pem' },
    },
    {
      what: 'with a host before that of SNS',
      fields: { SigningCertURL: 'https://evil.sns.eu-central-1.amazonaws.com/x.pem' },
    },
    { what: 'with no region', fields: { SigningCertURL: 'https://sns..amazonaws.com/x.pem' } },
    { what: 'with another port', fields: { SigningCertURL: 'https://sns.eu-central-1.amazonaws.com:8443/x.pem' } },
    { what: 'with no URL', fields: { SigningCertURL: 'x.pem' } },
    { what: 'of another signature version', fields: { SignatureVersion: '3' } },
    { what: 'that is old', fields: { Timestamp: new Date(Date.now() - 310_000).toISOString() } },
    {
      what: 'of the future',
      // Of when the test runs: a busy machine may be long in coming to it.
      get fields() {
        return { Timestamp: new Date(Date.now() + 310_000).toISOString() }
      },
    },
    { what: 'without a time', fields: { Timestamp: 'now' } },
  ])('$what is refused before anything is fetched', async ({ fields }) => {
    expect(await read(signed({ ...delivery, ...fields }))).toBe('unauthenticated')
    expect(fetchText).not.toHaveBeenCalled()
  })

  test('that is no JSON, or nothing of SNS, is refused', async () => {
    const request = { headers: new Headers(), secret: TOPIC, fetchText }
    expect(await ses.reports?.read({ ...request, body: Buffer.from('{') })).toBe('malformed')
    for (const other of [null, 17, {}, { ...signed(delivery), Signature: undefined }])
      expect(await ses.reports?.read({ ...request, body: Buffer.from(JSON.stringify(other)) })).toBe('unauthenticated')
    expect(fetchText).not.toHaveBeenCalled()
  })

  test('is admitted by its topic, where a header names one', () => {
    const isAdmitted = (headers: Record<string, string>) => ses.reports?.admits(new Headers(headers), TOPIC)
    expect(isAdmitted({})).toBe(true)
    expect(isAdmitted({ 'x-amz-sns-topic-arn': TOPIC })).toBe(true)
    expect(isAdmitted({ 'x-amz-sns-topic-arn': `${TOPIC}-2` })).toBe(false)
  })

  test('of China is signed there', async () => {
    const SigningCertURL = 'https://sns.cn-north-1.amazonaws.com.cn/x.pem'
    expect(await read(signed({ ...delivery, SigningCertURL }))).toHaveLength(1)
    expect(fetchText.mock.calls).toEqual([[SigningCertURL]])
  })

  test('is checked with a certificate that was fetched before, of the last ten', async () => {
    const urls = Array.from({ length: 11 }, (_, at) => `${CERTIFICATE_URL}?kept-${at}-${Math.random()}.pem`)
    for (const SigningCertURL of [...urls.slice(0, 1), ...urls]) await read(signed({ ...delivery, SigningCertURL }))
    expect(fetchText.mock.calls.map(([url]) => url)).toEqual(urls)
  })

  test.each([
    { fields: { notificationType: 'Bounce', bounce: { bounceType: 'Permanent', timestamp: '2026-11-26T19:00:01Z' } } },
    { fields: { notificationType: 'Complaint', complaint: { timestamp: '2026-11-26T19:00:01Z' } } },
  ])('tells the time of $fields', async ({ fields }) => {
    expect(await read(signed(event(fields)))).toMatchObject([{ at: new Date('2026-11-26T19:00:01Z') }])
  })

  test('that is neither a notification nor a confirmation says nothing', async () => {
    expect(await read(signed({ ...delivery, Type: 'UnsubscribeConfirmation', Token: 'a-token' }))).toEqual([])
    expect(await read(signed({ Message: 'no JSON' }))).toEqual([])
    expect(await read(signed({ Message: '{"mail":{}}' }))).toEqual([])
    for (const fields of [{ bounce: { bounceType: 17 } }, { delivery: { timestamp: 17 } }, { complaint: 17 }])
      expect(await read(signed(event({ notificationType: 'Delivery', ...fields })))).toEqual([])
  })

  test('that confirms a subscription and does not say where is malformed', async () => {
    expect(await read(signed({ Type: 'SubscriptionConfirmation', Token: 'a-token' }))).toBe('malformed')
  })

  test('with another text than was signed is refused', async () => {
    expect(await read({ ...signed(delivery), MessageId: 'another' })).toBe('unauthenticated')
  })

  test('that confirms a subscription is answered by a visit to SNS, and nowhere else', async () => {
    const confirmation = { Type: 'SubscriptionConfirmation', Token: 'a-token', Message: 'You have chosen …' }
    const SubscribeURL = 'https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription'
    expect(await read(signed({ ...confirmation, SubscribeURL }))).toEqual([])
    expect(fetchText).toHaveBeenLastCalledWith(SubscribeURL)
    fetchText.mockClear()
    expect(await read(signed({ ...confirmation, SubscribeURL: 'https://evil.example/' }))).toBe('malformed')
    expect(fetchText.mock.calls.filter(([url]) => !url.startsWith(CERTIFICATE_URL))).toEqual([])
  })

  test('whose certificate cannot be had is not refused: SNS sends it again', async () => {
    fetchText.mockRejectedValue(new Error('no way out'))
    await expect(read(signed(delivery))).rejects.toThrow('no way out')
  })
  test('for whose certificate something else came is not refused, and the certificate is fetched again', async () => {
    const message = signed(delivery)
    for (const other of ['<html>log in first</html>', pair.certificate.slice(0, 400), '']) {
      fetchText.mockResolvedValueOnce(other)
      await expect(read(message)).rejects.toThrow()
    }
    expect(await read(message)).toHaveLength(1)
  })
})
