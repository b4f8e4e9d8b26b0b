import { createHash, createHmac } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import { SESv2Client, SendEmailCommand } from '@aws-sdk/client-sesv2'
import { BrevoClient } from '@getbrevo/brevo'
import sendgridMail from '@sendgrid/mail'
import Mailgun from 'mailgun.js'
import { ServerClient } from 'postmark'
import { Resend } from 'resend'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { toResponse } from '../../../dev/mail-sandbox/provider/facts.ts'
import { factsOf } from '../../../dev/mail-sandbox/provider/fixtures.ts'
import type { ProviderName } from '../../../src/core/mail/providers/providers.ts'
import { createTestMailer, FROM, KEY, MAIL } from './mailer-cases.ts'

const API_KEY = factsOf('resend').apiKey
const [AWS_ID = '', AWS_SECRET = ''] = factsOf('ses').apiKey.split(':')

type Sent = { method: string; path: string; headers: IncomingHttpHeaders; body: string }

let server: Server
let url = ''
let requests: Sent[] = []
let answerAs: ProviderName = 'resend'

beforeAll(async () => {
  server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request.setEncoding('utf8')) body += chunk
    const { method = '', url: path = '', headers } = request
    requests.push({ method, path, headers, body })
    const answer = toResponse(factsOf(answerAs).accept('id-1'))
    response.writeHead(answer.status, Object.fromEntries(answer.headers)).end(await answer.text())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  url = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`
})
afterAll(() => {
  server.close()
  server.closeAllConnections()
})
beforeEach(() => {
  requests = []
})

/** The same mail by the official package and by ours, to one listener. */
const compare = async (name: ProviderName, official: () => Promise<unknown>): Promise<[Sent, Sent]> => {
  answerAs = name
  await official()
  const mailer = createTestMailer(name, url, { timeoutMs: 5000 })
  await mailer.send()
  await mailer.close()
  const [theirs, ours] = requests
  if (!theirs || !ours) throw new Error('a request is missing')
  expect(requests).toHaveLength(2)
  expect(ours.method).toBe(theirs.method)
  expect(ours.path).toBe(theirs.path)
  return [theirs, ours]
}

const jsonOf = ({ body }: Sent): Record<string, unknown> => JSON.parse(body)

test('resend: the same path, key, members and authentication', async () => {
  const [theirs, ours] = await compare('resend', () =>
    new Resend(API_KEY, { baseUrl: url }).emails.send({ from: FROM, ...MAIL }, { idempotencyKey: KEY }),
  )
  expect(jsonOf(ours)).toEqual(jsonOf(theirs))
  for (const field of ['authorization', 'idempotency-key', 'content-type'])
    expect(ours.headers[field]).toBe(theirs.headers[field])
})

test('postmark: the same path, members and authentication', async () => {
  const client = new ServerClient(API_KEY, { useHttps: false, requestHost: new URL(url).host })
  const [theirs, ours] = await compare('postmark', () =>
    client.sendEmail({
      From: FROM,
      To: MAIL.to,
      Subject: MAIL.subject,
      TextBody: MAIL.text,
      HtmlBody: MAIL.html,
      MessageStream: 'outbound',
      TrackOpens: false,
      Metadata: { key: KEY },
    }),
  )
  // Named difference: TrackLinks is given too, as a server's own setting could switch it on.
  const { TrackLinks, ...same } = jsonOf(ours)
  expect(TrackLinks).toBe('None')
  expect(same).toEqual(jsonOf(theirs))
  expect(ours.headers['x-postmark-server-token']).toBe(theirs.headers['x-postmark-server-token'])
})

test('sendgrid: the same path, members and authentication', async () => {
  const client = sendgridMail
  client.setApiKey(`SG.${API_KEY}`)
  // The package has no option for its base URL but on the client within.
  const inner: unknown = Reflect.get(client, 'client')
  if (
    typeof inner === 'object' &&
    inner !== null &&
    'setDefaultRequest' in inner &&
    typeof inner.setDefaultRequest === 'function'
  )
    inner.setDefaultRequest('baseUrl', url)
  const [theirs, ours] = await compare('sendgrid', () =>
    client.send({
      ...MAIL,
      from: { email: 'codes@latchkey.example', name: 'Latchkey' },
      customArgs: { key: KEY },
      trackingSettings: { clickTracking: { enable: false, enableText: false }, openTracking: { enable: false } },
    }),
  )
  expect(jsonOf(ours)).toEqual(jsonOf(theirs))
  expect(ours.headers.authorization).toBe(theirs.headers.authorization?.replace('SG.', ''))
})

test('mailgun: the same path, fields and authentication', async () => {
  const client = new Mailgun(FormData).client({ username: 'api', key: API_KEY, url })
  const [theirs, ours] = await compare('mailgun', () =>
    client.messages.create('latchkey.example', {
      from: FROM,
      ...MAIL,
      'o:tracking': 'no',
      'o:tracking-clicks': 'no',
      'o:tracking-opens': 'no',
      'v:key': KEY,
    }),
  )
  // Named difference: the package sends multipart/form-data, as it may hold files; ours is the shorter form that is documented as well.
  const fields = [...theirs.body.matchAll(/name="([^"]+)"\r\n\r\n([\s\S]*?)\r\n--/g)].map(([, name, value]) => [
    name,
    // A multipart form writes its line ends so.
    value?.replaceAll('\r\n', '\n'),
  ])
  expect(Object.fromEntries(new URLSearchParams(ours.body))).toEqual(Object.fromEntries(fields))
  expect(ours.headers.authorization).toBe(theirs.headers.authorization)
})

test('ses: the same path and members, and the same way to sign', async () => {
  const credentials = { accessKeyId: AWS_ID, secretAccessKey: AWS_SECRET }
  const client = new SESv2Client({ region: 'eu-central-1', endpoint: url, credentials, maxAttempts: 1 })
  const text = (Data: string) => ({ Data, Charset: 'UTF-8' })
  const [theirs, ours] = await compare('ses', () =>
    client.send(
      new SendEmailCommand({
        FromEmailAddress: FROM,
        Destination: { ToAddresses: [MAIL.to] },
        Content: { Simple: { Subject: text(MAIL.subject), Body: { Text: text(MAIL.text), Html: text(MAIL.html) } } },
        EmailTags: [{ Name: 'key', Value: KEY }],
      }),
    ),
  )
  expect(jsonOf(ours)).toEqual(jsonOf(theirs))
  const scopeOf = ({ headers }: Sent) => /Credential=[^/]+\/(\d{8}\/[^,]+)/.exec(headers.authorization ?? '')?.[1]
  expect(scopeOf(ours)).toBe(scopeOf(theirs))
  expect(scopeOf(ours)).toMatch(/^\d{8}\/eu-central-1\/ses\/aws4_request$/)
  // Named difference: the package also signs headers that only it sends (amz-sdk-request and such).
  expect(ours.headers.authorization).toMatch(/SignedHeaders=[^,]*host[^,]*x-amz-date/)
})

test("ses: our signature is the one that AWS's own signer makes of our request", async () => {
  answerAs = 'ses'
  const mailer = createTestMailer('ses', url, { timeoutMs: 5000 })
  await mailer.send()
  await mailer.close()
  const [ours] = requests
  if (!ours) throw new Error('a request is missing')
  const signed = /SignedHeaders=([^,]+), Signature=([0-9a-f]{64})/.exec(ours.headers.authorization ?? '')
  const names = signed?.[1]?.split(';') ?? []
  const date = String(ours.headers['x-amz-date'])
  const hash = (data: string) => createHash('sha256').update(data).digest('hex')
  const canonical = [
    'POST',
    ours.path,
    '',
    ...names.map((name) => `${name}:${ours.headers[name]}`),
    '',
    names.join(';'),
    hash(ours.body),
  ].join('\n')
  const scope = `${date.slice(0, 8)}/eu-central-1/ses/aws4_request`
  // https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
  const key = ['eu-central-1', 'ses', 'aws4_request'].reduce(
    (former, part) => createHmac('sha256', former).update(part).digest(),
    createHmac('sha256', `AWS4${AWS_SECRET}`).update(date.slice(0, 8)).digest(),
  )
  const toSign = ['AWS4-HMAC-SHA256', date, scope, hash(canonical)].join('\n')
  expect(signed?.[2]).toBe(createHmac('sha256', key).update(toSign).digest('hex'))
})

test('brevo: the same path, members and authentication', async () => {
  const client = new BrevoClient({ apiKey: API_KEY, baseUrl: `${url}/v3`, maxRetries: 0 })
  const [theirs, ours] = await compare('brevo', () =>
    client.transactionalEmails.sendTransacEmail({
      sender: { email: 'codes@latchkey.example', name: 'Latchkey' },
      to: [{ email: MAIL.to }],
      subject: MAIL.subject,
      textContent: MAIL.text,
      htmlContent: MAIL.html,
      headers: { idempotencyKey: KEY },
      tags: [KEY],
    }),
  )
  expect(jsonOf(ours)).toEqual(jsonOf(theirs))
  expect(ours.headers['api-key']).toBe(theirs.headers['api-key'])
})
