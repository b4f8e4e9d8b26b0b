import { createSign, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import tls from 'node:tls'
import { createAuthority } from '../stores/certificates.ts'

export const TOPIC = 'arn:aws:sns:eu-central-1:123456789012:latchkey'
const HOST = 'sns.eu-central-1.amazonaws.com'
const CERTIFICATE_URL = `https://${HOST}/SimpleNotificationService`
export const SUBSCRIBE_URL = `https://${HOST}/?Action=ConfirmSubscription&Token=a-token`

const NOTIFICATION = ['Message', 'MessageId', 'Subject', 'Timestamp', 'TopicArn', 'Type']
const CONFIRMATION = ['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type']

export type SnsMessage = Record<string, string>

/** A message of SNS, signed as it documents: https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html */
export const signBySns = (fields: SnsMessage, key: string, version: '1' | '2' = '2'): SnsMessage => {
  const message: SnsMessage = {
    Type: 'Notification',
    MessageId: randomUUID(),
    TopicArn: TOPIC,
    Message: '{}',
    Timestamp: new Date().toISOString(),
    SignatureVersion: version,
    SigningCertURL: `${CERTIFICATE_URL}-${randomUUID()}.pem`,
    ...fields,
  }
  const names = message.Type === 'Notification' ? NOTIFICATION : CONFIRMATION
  const text = names.flatMap((name) => (message[name] === undefined ? [] : [`${name}\n${message[name]}\n`])).join('')
  const signature = createSign(version === '1' ? 'sha1' : 'sha256')
    .update(text)
    .sign(key, 'base64')
  return { ...message, Signature: signature }
}

/** SNS's key and certificate, and its host's, made anew for each file of tests. */
const makeCertificates = () => {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-sns-'))
  const authority = createAuthority(folder, 'sns')
  const read = ({ certificate, key }: { certificate: string; key: string }) => ({
    certificate: readFileSync(certificate, 'utf8'),
    key: readFileSync(key, 'utf8'),
  })
  const made = {
    authority: readFileSync(authority.certificate, 'utf8'),
    signing: read(authority.issue('signing')),
    host: read(authority.issue('host', `DNS:${HOST}`)),
  }
  rmSync(folder, { recursive: true })
  return made
}

const listen = async (server: Server): Promise<number> => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

/** The host of SNS on the loopback, reached through a proxy as the outside is, with a certificate of its name. */
export const startSns = async () => {
  const { authority, signing, host } = makeCertificates()
  const before = tls.getCACertificates()
  tls.setDefaultCACertificates([...before, authority])
  const visits: string[] = []
  const sns = { status: 200 }
  const server = createTlsServer({ cert: host.certificate, key: host.key }, (request, response) => {
    const url = `https://${request.headers.host}${request.url}`
    visits.push(url)
    response.writeHead(sns.status).end(url.endsWith('.pem') ? signing.certificate : '<ConfirmSubscriptionResponse/>')
  })
  const port = await listen(server)
  const proxy = createServer().on('connect', (request, client, head) => {
    if (request.url !== `${HOST}:443`) visits.push(`https://${request.url}/`)
    const upstream = connect(port, '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection Established\r\n\r\n')
      upstream.write(head)
      upstream.pipe(client).pipe(upstream)
    })
    for (const socket of [upstream, client]) socket.on('error', () => {})
  })
  return {
    /** What the service is told as `HTTPS_PROXY`. */
    proxyUrl: `http://127.0.0.1:${await listen(proxy)}`,
    key: signing.key,
    /** What was fetched, and from which hosts something was wanted that are not SNS's. */
    visits,
    answerWith: (status: number) => {
      sns.status = status
    },
    close: () => {
      tls.setDefaultCACertificates(before)
      for (const one of [server, proxy]) {
        one.close()
        one.closeAllConnections()
      }
    },
  }
}

export type Sns = Awaited<ReturnType<typeof startSns>>
