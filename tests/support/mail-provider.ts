import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export type ReceivedMail = {
  at: number
  key: string
  to: string
  subject: string
  text: string
  body: string
  status: Answer
}

/**
 * How the provider behaves: a status (with `Retry-After`), silence after taking the mail, silence without, a reset, or 200 as
 * soon as `release` is called.
 */
export type Answer = number | { status: number; retryAfter: string } | 'hang' | 'ignore' | 'reset' | 'held'

export type MailProvider = {
  url: string
  /** Every request, in order, with the answer that it got. */
  requests: ReceivedMail[]
  /** The mails that a person got: taken ones, one for each idempotency key. */
  inbox(address?: string): ReceivedMail[]
  /** The answers to the next requests, in order; after them `otherwise`, 200 unless told. */
  answerWith(next: Answer[], otherwise?: Answer): void
  /** Answers the requests that are held. */
  release(): void
  close(): Promise<void>
}

/** A mail provider with real sockets on the loopback, which speaks Resend's wire format and honours idempotency keys. */
export const startMailProvider = async (): Promise<MailProvider> => {
  const requests: ReceivedMail[] = []
  let script: Answer[] = []
  let standard: Answer = 200
  let held: ServerResponse[] = []
  const server = createServer(async (request, response) => {
    const mail = await read(request)
    mail.status = script.shift() ?? standard
    requests.push(mail)
    if (mail.status === 'held') held.push(response)
    else answer(response, mail.status)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address: AddressInfo | string | null = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('no address')
  return {
    url: `http://127.0.0.1:${address.port}`,
    requests,
    inbox: (to) => {
      const taken = requests.filter((mail) => isTaken(mail.status) && (to === undefined || mail.to === to))
      return [...new Map(taken.map((mail) => [mail.key, mail])).values()]
    },
    answerWith: (next, otherwise = 200) => {
      script = [...next]
      standard = otherwise
    },
    release: () => {
      for (const response of held) answer(response, 200)
      held = []
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

const read = async (request: IncomingMessage): Promise<ReceivedMail> => {
  let body = ''
  for await (const chunk of request.setEncoding('utf8')) body += chunk
  const { to, subject, text } = JSON.parse(body)
  return { at: Date.now(), key: String(request.headers['idempotency-key'] ?? ''), to, subject, text, body, status: 200 }
}

const isTaken = (answer: Answer): boolean =>
  answer === 'hang' || answer === 'held' || (typeof answer === 'number' && answer < 300)

const answer = (response: ServerResponse, how: Exclude<Answer, 'held'>): void => {
  if (how === 'hang' || how === 'ignore') return
  if (how === 'reset') return void response.socket?.resetAndDestroy()
  const { status, retryAfter } = typeof how === 'number' ? { status: how, retryAfter: undefined } : how
  response.writeHead(status, {
    'content-type': 'application/json',
    ...(retryAfter !== undefined && { 'retry-after': retryAfter }),
  })
  response.end(
    JSON.stringify(
      status < 300 ? { id: randomUUID() } : { name: NAMES[status], message: 'a text that must not be shown' },
    ),
  )
}

/** Resend's documented names of errors: https://resend.com/docs/api-reference/errors */
const NAMES: Record<number, string> = {
  400: 'validation_error',
  401: 'missing_api_key',
  403: 'invalid_api_key',
  409: 'invalid_idempotent_request',
  422: 'validation_error',
}

/** The code that stands alone on a line of the text. */
export const codeIn = (mail: Pick<ReceivedMail, 'text'> | undefined): string =>
  /^(?:\d{4}|\d{8})$/m.exec(mail?.text ?? '')?.[0] ?? ''
