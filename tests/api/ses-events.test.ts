import type { Hono } from 'hono'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { ApiEnv } from '../../src/api/context.ts'
import { createTestApi } from '../support/api.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { type Sns, type SnsMessage, SUBSCRIBE_URL, signBySns, startSns, TOPIC } from '../support/sns.ts'

let database: TestDatabase
let sns: Sns
let app: Hono<ApiEnv>
beforeAll(async () => {
  ;[database, sns] = await Promise.all([createTestDatabase(), startSns()])
  const environment = { MAIL_PROVIDER: 'ses', MAIL_EVENTS_SECRET: TOPIC, HTTPS_PROXY: sns.proxyUrl }
  app = await createTestApi(database, environment)
})
beforeEach(() => {
  sns.answerWith(200)
  sns.visits.length = 0
})
afterAll(() => Promise.all([database.drop(), sns.close()]))

const CONFIRMATION = {
  Type: 'SubscriptionConfirmation',
  Token: 'a-token',
  Message: `You have chosen to subscribe to the topic ${TOPIC}.`,
  SubscribeURL: SUBSCRIBE_URL,
}

const send = (message: SnsMessage) =>
  app.request('/v1/provider-events/ses', {
    method: 'POST',
    headers: { 'content-type': 'text/plain; charset=UTF-8', 'x-amz-sns-topic-arn': message.TopicArn ?? '' },
    body: JSON.stringify(message),
  })

test('a subscription of our topic is confirmed by a visit to SNS, whose certificate is asked for first', async () => {
  const message = signBySns(CONFIRMATION, sns.key)
  expect((await send(message)).status).toBe(204)
  expect(sns.visits).toEqual([message.SigningCertURL, SUBSCRIBE_URL])
})

test('a subscription that SNS does not confirm now is answered so that SNS comes again', async () => {
  const message = signBySns(CONFIRMATION, sns.key)
  sns.answerWith(500)
  const answer = await send(message)
  expect(answer.status).toBe(503)
  expect(answer.headers.get('retry-after')).toBe('5')
  sns.answerWith(200)
  expect((await send(message)).status).toBe(204)
  expect(sns.visits.at(-1)).toBe(SUBSCRIBE_URL)
})

test.each([
  { what: 'of another topic', fields: { TopicArn: `${TOPIC}-of-somebody` } },
  { what: 'that is more than five minutes old', fields: { Timestamp: new Date(Date.now() - 305_000).toISOString() } },
  { what: 'signed by a certificate of another host', fields: { SigningCertURL: 'https://sns.example.com/x.pem' } },
])('a subscription $what is refused, and nobody is visited', async ({ fields }) => {
  expect((await send(signBySns({ ...CONFIRMATION, ...fields }, sns.key))).status).toBe(401)
  expect(sns.visits).toEqual([])
})

test('a subscription whose address was changed after it was signed is refused, and not visited', async () => {
  const message = signBySns(CONFIRMATION, sns.key)
  expect((await send({ ...message, SubscribeURL: `${SUBSCRIBE_URL}&Token=another` })).status).toBe(401)
  expect(sns.visits).toEqual([message.SigningCertURL])
})

test('a signed subscription leads to no host but that of SNS', async () => {
  const message = signBySns({ ...CONFIRMATION, SubscribeURL: 'https://evil.example/' }, sns.key)
  expect((await send(message)).status).toBe(400)
  expect(sns.visits).toEqual([message.SigningCertURL])
})
