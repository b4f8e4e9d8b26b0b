import { describe, expect, test } from 'vitest'
import { factsOf } from '../../dev/mail-sandbox/provider/fixtures.ts'
import type { ProviderResponse } from '../../src/core/mail/providers/provider.ts'
import { type ProviderName, providers } from '../../src/core/mail/providers/providers.ts'
import { testedProviders } from '../support/tested-providers.ts'

describe.each(testedProviders)('the errors of %s', (name) => {
  const documented = Object.values(factsOf(name).errors)

  test('are six or more of those that it documents, each with its address in the documents', () => {
    const answers = documented.map(({ status, headers, body }) => JSON.stringify({ status, headers, body }))
    expect(new Set(answers).size).toBe(documented.length)
    expect(documented.length).toBeGreaterThanOrEqual(6)
    for (const { document } of documented) expect(document).toMatch(/^https:\/\/[\w.-]+\/\S+/)
  })

  test('are all that its table of meanings has a line for', () => {
    const met = documented.map(({ word, means }) => `${word.replace(/^\S+ ?/, '')}: ${means}`)
    const table = Object.values(providers[name].meanings).map(([word, meaning]) => `${word}: ${meaning}`)
    expect(table.filter((line) => !met.includes(line))).toEqual([])
  })
})

// What is documented word for word is in the fixtures; here is what decides between two readings of one answer.

type Case = [
  name: ProviderName,
  status: number,
  json: unknown,
  code: string | undefined,
  headers?: ProviderResponse['headers'],
]

const answer = (status: number, json: unknown, headers: ProviderResponse['headers'] = {}): ProviderResponse => ({
  ...{ status, headers, json },
  body: json === undefined ? '' : JSON.stringify(json),
})

const invalid = (message?: string) => ({ name: 'validation_error', message })
const brevo = (message?: string) => ({ code: 'invalid_parameter', message })
const sendgrid = (message: string, field?: string | null) => ({ errors: [{ message, field }, 17] })

const cases: Case[] = [
  ['resend', 422, invalid('Invalid `to` field.'), 'validation_error'],
  ['resend', 422, invalid(), 'validation_error'],
  ['resend', 403, invalid(), 'validation_error sender'],
  ['resend', 422, invalid('from is invalid'), 'validation_error sender'],
  ['resend', 422, invalid('not far from_here'), 'validation_error'],
  ['resend', 400, invalid('This Domain is new'), 'validation_error sender'],
  ['resend', 400, invalid('API key is of a test'), 'validation_error sender'],
  ['resend', 403, { name: 'invalid_api_key' }, 'invalid_api_key'],
  ['resend', 403, { message: 'x' }, undefined],
  ['resend', 422, { name: 17 }, undefined],
  ['resend', 422, { name: 'validation_error', message: 17 }, undefined],
  ['postmark', 422, { ErrorCode: 300, Message: 'Invalid From address' }, '300 from'],
  ['postmark', 422, { ErrorCode: 300, Message: 'Invalid To fromage' }, '300'],
  ['postmark', 422, { ErrorCode: 300 }, '300'],
  ['postmark', 422, { ErrorCode: 406, Message: 'from' }, '406'],
  ['postmark', 422, { ErrorCode: 4.5 }, undefined],
  ['postmark', 422, { ErrorCode: '300' }, undefined],
  ['postmark', 422, { ErrorCode: 300, Message: 17 }, undefined],
  ['postmark', 413, undefined, 'too large'],
  ['postmark', 500, undefined, undefined],
  ['sendgrid', 400, sendgrid('no', 'personalizations.0.to'), 'recipient'],
  ['sendgrid', 400, sendgrid('no', 'not.personalizations'), 'status 400'],
  ['sendgrid', 400, sendgrid('no', 'from.email'), 'from'],
  ['sendgrid', 400, sendgrid('no', 'reply.from'), 'status 400'],
  ['sendgrid', 400, sendgrid('no', null), 'status 400'],
  ['sendgrid', 400, sendgrid('no'), 'status 400'],
  ['sendgrid', 401, sendgrid('Maximum Credits exceeded', 'from'), 'credits'],
  ['sendgrid', 403, sendgrid('Maximum credits exceeded', 'personalizations'), 'status 403'],
  ['sendgrid', 403, sendgrid('a verified Sender Identity'), 'sender identity'],
  ['sendgrid', 401, sendgrid('a verified Sender Identity'), 'status 401'],
  ['sendgrid', 418, sendgrid('no'), undefined],
  ['sendgrid', 400, { errors: [] }, 'status 400'],
  ['sendgrid', 400, { errors: [{ field: 'from' }] }, 'status 400'],
  ['sendgrid', 400, { errors: [{ message: 17, field: 'from' }] }, 'status 400'],
  ['sendgrid', 400, { errors: [{ message: 'no', field: ['from'] }] }, 'status 400'],
  ['sendgrid', 413, undefined, 'status 413'],
  ['sendgrid', 418, undefined, undefined],
  ['mailgun', 403, { message: 'Domain is disabled' }, 'disabled'],
  ['mailgun', 403, { message: 'account suspended' }, 'disabled'],
  ['mailgun', 400, { message: 'the account was disabled' }, 'disabled'],
  ['mailgun', 400, { message: 'the domain x is suspended' }, 'disabled'],
  ['mailgun', 400, { message: 'tracking is disabled' }, undefined],
  ['mailgun', 403, { message: 'add it to the authorized recipients' }, 'free accounts'],
  ['mailgun', 403, { message: 'free accounts are for test purposes' }, 'free accounts'],
  ['mailgun', 400, { message: 'Free accounts are for test purposes only' }, 'free accounts'],
  ['mailgun', 403, { message: 'Please activate' }, 'not activated'],
  ['mailgun', 403, { message: 'on probation' }, 'probation'],
  ['mailgun', 404, { message: 'Domain not found' }, 'domain not found'],
  ['mailgun', 404, { message: 'not found' }, undefined],
  ['mailgun', 400, { message: 'from parameter is missing' }, 'from'],
  ['mailgun', 400, { message: 'to parameter is not a valid address' }, 'recipient'],
  ['mailgun', 400, { message: 'the goto parameter is not a valid address' }, undefined],
  ['mailgun', 400, { message: 'message too big' }, 'too large'],
  ['mailgun', 400, { message: 'too large' }, 'too large'],
  ['mailgun', 413, undefined, 'too large'],
  ['mailgun', 400, { message: ['too large'] }, undefined],
  ['mailgun', 429, { message: 'slower' }, 'limit'],
  ['mailgun', 401, undefined, 'status 401'],
  ['mailgun', 402, { message: 'pay' }, 'status 402'],
  ['mailgun', 403, { message: 'no' }, 'status 403'],
  ['mailgun', 500, { message: 'no' }, undefined],
  ['ses', 400, { __type: 'com.amazonaws#MessageRejected:http://x' }, 'MessageRejected'],
  ['ses', 400, { code: 'MessageRejected', message: 'Email address is not verified.' }, 'MessageRejected identity'],
  ['ses', 400, { __type: 'MessageRejected', Message: 'Not Verified' }, 'MessageRejected identity'],
  ['ses', 400, { __type: 'LimitExceededException', message: 'address not verified' }, 'LimitExceededException'],
  ['ses', 400, { __type: 'BadRequestException', message: 'the recipient' }, 'BadRequestException to'],
  ['ses', 400, { __type: 'BadRequestException', message: 'Illegal address' }, 'BadRequestException to'],
  ['ses', 400, { __type: 'BadRequestException', message: 'Suppressed' }, 'BadRequestException to'],
  ['ses', 400, { __type: 'BadRequestException' }, 'BadRequestException'],
  ['ses', 400, { message: 'x' }, undefined],
  ['ses', 400, undefined, 'NotFoundException', { 'x-amzn-errortype': 'NotFoundException' }],
  ['ses', 400, { code: 'OptInRequired' }, 'NotFoundException', { 'x-amzn-errortype': 'NotFoundException:http://x/' }],
  ['ses', 400, { __type: '17' }, undefined],
  ['ses', 400, { __type: 17, code: 'OptInRequired' }, undefined],
  ['ses', 400, { code: ['OptInRequired'] }, undefined],
  ['ses', 400, { code: 'OptInRequired', message: 17 }, undefined],
  ['ses', 400, { code: 'OptInRequired', Message: 17 }, undefined],
  ['brevo', 400, brevo('email is not valid in to'), 'invalid_parameter recipient'],
  ['brevo', 400, brevo('Recipient is gone'), 'invalid_parameter recipient'],
  ['brevo', 400, brevo('the Sender email is not valid'), 'invalid_parameter'],
  ['brevo', 400, brevo('tomorrow'), 'invalid_parameter'],
  ['brevo', 400, brevo(), 'invalid_parameter'],
  ['brevo', 400, { code: 'out_of_range', message: 'to' }, 'out_of_range'],
  ['brevo', 400, { message: 'to' }, undefined],
  ['brevo', 400, { code: 17 }, undefined],
  ['brevo', 400, { code: 'out_of_range', message: 17 }, undefined],
  ['mailpit', 400, { Error: 'To is empty' }, 'recipient'],
  ['mailpit', 400, { Error: 'no recipient' }, 'recipient'],
  ['mailpit', 400, { Error: 'From and To are empty' }, 'bad request'],
  ['mailpit', 400, { Error: 'tomorrow' }, 'bad request'],
  ['mailpit', 401, { Error: 'To' }, undefined],
  ['mailpit', 400, undefined, undefined],
  ['mailpit', 400, { Error: ['To'] }, undefined],
]

test.each(cases)('%s: a %i with %j is %s', (name, status, json, code, headers) => {
  expect(providers[name].readCode(answer(status, json, headers))).toBe(code)
})

test.each<
  [
    name: ProviderName,
    status: number,
    json: unknown,
    id: string | null | undefined,
    headers?: ProviderResponse['headers'],
  ]
>([
  ['resend', 200, { id: 'a' }, 'a'],
  ['resend', 200, { id: 17 }, null],
  ['resend', 200, {}, null],
  ['resend', 200, ['a'], undefined],
  ['resend', 200, null, undefined],
  ['postmark', 200, { ErrorCode: 0, MessageID: 'a' }, 'a'],
  ['postmark', 200, { MessageID: 'a' }, 'a'],
  ['postmark', 200, { ErrorCode: 406, MessageID: 'a' }, undefined],
  ['postmark', 200, { ErrorCode: 0 }, undefined],
  ['postmark', 200, { MessageID: 17 }, undefined],
  ['sendgrid', 202, undefined, 'a', { 'x-message-id': 'a' }],
  ['sendgrid', 200, undefined, 'a', { 'x-message-id': 'a' }],
  ['sendgrid', 202, undefined, null],
  ['sendgrid', 201, undefined, undefined, { 'x-message-id': 'a' }],
  ['sendgrid', 202, {}, undefined, { 'x-message-id': 'a' }],
  ['mailgun', 200, { id: '<a>' }, '<a>'],
  ['mailgun', 200, {}, undefined],
  ['mailgun', 200, { id: 17 }, undefined],
  ['ses', 200, { MessageId: 'a' }, 'a'],
  ['ses', 200, {}, undefined],
  ['ses', 200, { MessageId: 17 }, undefined],
  ['brevo', 201, { messageId: '<a>' }, '<a>'],
  ['brevo', 201, {}, undefined],
  ['brevo', 201, { messageId: 17 }, undefined],
  ['mailpit', 200, { ID: 'a' }, 'a'],
  ['mailpit', 200, {}, undefined],
  ['mailpit', 200, { ID: 17 }, undefined],
])('%s: a %i with %j has the id %s', (name, status, json, id, headers) => {
  expect(providers[name].readId(answer(status, json, headers))).toBe(id)
})

test('a white answer of SendGrid is an empty one', () => {
  expect(providers.sendgrid.readId({ status: 202, headers: {}, body: ' \n', json: undefined })).toBeNull()
})

test.each([
  ['ses', 'eu-central-1', 'https://email.eu-central-1.amazonaws.com'],
  ['ses', 'cn-north-1', 'https://email.cn-north-1.amazonaws.com.cn'],
  ['ses', 'us-cn-1', 'https://email.us-cn-1.amazonaws.com'],
  ['mailgun', 'eu', 'https://api.eu.mailgun.net'],
  ['mailgun', 'us', 'https://api.mailgun.net'],
  ['resend', undefined, 'https://api.resend.com'],
  ['postmark', undefined, 'https://api.postmarkapp.com'],
  ['sendgrid', undefined, 'https://api.sendgrid.com'],
  ['brevo', undefined, 'https://api.brevo.com'],
  ['mailpit', undefined, 'http://localhost:8025'],
] as const)('%s in %s is at %s', (name, region, url) => {
  expect(providers[name].publicUrl(region)).toBe(url)
})
