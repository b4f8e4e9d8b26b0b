import { describe, expect, test } from 'vitest'
import { readWorkerConfig } from '../../../src/worker/config.ts'
import { COMPLETE, complaintAbout } from './given.ts'

describe("the worker's configuration", () => {
  test.each([
    { given: {}, url: 'https://api.resend.com' },
    { given: { MAIL_PROVIDER: 'resend' }, url: 'https://api.resend.com' },
    { given: { MAIL_PROVIDER: 'postmark' }, url: 'https://api.postmarkapp.com' },
    { given: { MAIL_PROVIDER: 'postmark', MAIL_URL: 'http://127.0.0.1:3003' }, url: 'http://127.0.0.1:3003' },
  ])('with $given mails go to $url', ({ given, url }) => {
    expect(readWorkerConfig({ ...COMPLETE, ...given }).MAIL_URL).toBe(url)
  })

  test.each([
    { given: { MAIL_PROVIDER: 'ses' }, faults: ['MAIL_API_KEY', 'MAIL_REGION'] },
    { given: { MAIL_PROVIDER: 'ses', MAIL_REGION: 'eu-central-1' }, faults: ['MAIL_API_KEY'] },
    { given: { MAIL_PROVIDER: 'ses', MAIL_REGION: 'eu-central-1', MAIL_API_KEY: undefined }, faults: [] },
    { given: { MAIL_PROVIDER: 'ses', MAIL_REGION: 'eu-central-1', MAIL_API_KEY: 'AKID:secret:token' }, faults: [] },
    { given: { MAIL_PROVIDER: 'mailgun', MAIL_REGION: 'mars' }, faults: ['MAIL_REGION'] },
    { given: { MAIL_PROVIDER: 'mailpit', MAIL_API_KEY: undefined }, faults: [] },
    { given: { MAIL_FALLBACK_PROVIDER: 'brevo' }, faults: ['MAIL_FALLBACK_API_KEY'] },
    { given: { MAIL_FALLBACK_PROVIDER: 'hunter2' }, faults: ['MAIL_FALLBACK_PROVIDER', 'MAIL_FALLBACK_API_KEY'] },
    { given: { MAIL_FALLBACK_PROVIDER: 'ses', MAIL_FALLBACK_REGION: 'eu-west-1' }, faults: [] },
    { given: { MAIL_FALLBACK_API_KEY: 'hunter2' }, faults: ['MAIL_FALLBACK_PROVIDER'] },
    { given: { MAIL_FALLBACK_URL: 'https://hunter2.example' }, faults: ['MAIL_FALLBACK_PROVIDER'] },
    { given: { MAIL_FALLBACK_API_KEY: '', MAIL_FALLBACK_URL: '' }, faults: [] },
    { given: { HTTPS_PROXY: 'hunter2' }, faults: ['HTTPS_PROXY'] },
  ])('with $given the faults are $faults', ({ given, faults }) => {
    if (faults.length === 0) return void readWorkerConfig({ ...COMPLETE, ...given })
    const complaint = complaintAbout({ ...COMPLETE, ...given })
    expect(
      complaint
        .match(/^ +([A-Z_]+): /gm)
        ?.map((line) => line.trim().slice(0, -1))
        .toSorted(),
    ).toEqual(faults.toSorted())
    expect(complaint).not.toContain('hunter2')
  })

  test('the second provider takes the sender of the first, and has its own address', () => {
    const given = {
      MAIL_FALLBACK_PROVIDER: 'brevo',
      MAIL_FALLBACK_API_KEY: 'key-2',
      MAIL_FALLBACK_RATE_PER_SECOND: '5',
    }
    expect(readWorkerConfig({ ...COMPLETE, ...given }).fallback).toMatchObject({
      provider: 'brevo',
      url: 'https://api.brevo.com',
      apiKey: 'key-2',
      from: COMPLETE.MAIL_FROM,
      ratePerSecond: 5,
    })
  })
})
