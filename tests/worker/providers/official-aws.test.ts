import { createHash, createHmac } from 'node:crypto'
import { SESv2Client, SendEmailCommand } from '@aws-sdk/client-sesv2'
import { expect, test } from 'vitest'
import { factsOf } from '../../../dev/mail-sandbox/provider/fixtures.ts'
import { jsonOf, type Sent, shareListener } from './listener.ts'
import { FROM, KEY, MAIL } from './mailer-cases.ts'

const [AWS_ID = '', AWS_SECRET = ''] = factsOf('ses').apiKey.split(':')

const { compare, ours, url } = shareListener()

test('ses: the same path and members, and the same way to sign', async () => {
  const credentials = { accessKeyId: AWS_ID, secretAccessKey: AWS_SECRET }
  const client = new SESv2Client({ region: 'eu-central-1', endpoint: url(), credentials, maxAttempts: 1 })
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
  const request = await ours('ses')
  const signed = /SignedHeaders=([^,]+), Signature=([0-9a-f]{64})/.exec(request.headers.authorization ?? '')
  const names = signed?.[1]?.split(';') ?? []
  const date = String(request.headers['x-amz-date'])
  const hash = (data: string) => createHash('sha256').update(data).digest('hex')
  const canonical = [
    'POST',
    request.path,
    '',
    ...names.map((name) => `${name}:${request.headers[name]}`),
    '',
    names.join(';'),
    hash(request.body),
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
