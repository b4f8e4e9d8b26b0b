import { setTimeout as sleep } from 'node:timers/promises'
import { Agent, type Dispatcher, request } from 'undici'
import { MailerUnavailable, MailRefused } from '../../core/mail/mailer.ts'
import { failSpan, inSpan } from '../../core/process/telemetry/tracing.ts'
import { readRetryAfter } from './retry-after.ts'

export type JsonClient = {
  /** Gives the body of a 2xx answer, or null when it is no JSON. Rejects with `MailRefused` or `MailerUnavailable`. */
  post(path: string, headers: Record<string, string>, body: unknown, signal: AbortSignal): Promise<unknown>
  close(): Promise<void>
}

// The provider says no to this very mail; every other answer but 2xx is a trouble that may pass.
const FINAL = new Set([400, 404, 413, 422])
const MAX_ANSWER_BYTES = 64 * 1024
const CONNECT_SHARE = 0.8
// The status decides; the body has only an id to give, and is not waited for longer than this.
const BODY_WAIT_MS = 1000

/** A pool of connections to one provider. `timeoutMs` bounds the silence while connecting and while waiting for an answer. */
export const createJsonClient = (settings: { url: string; timeoutMs: number; connections: number }): JsonClient => {
  const agent = new Agent({
    connections: settings.connections,
    connect: { timeout: settings.timeoutMs * CONNECT_SHARE },
    headersTimeout: settings.timeoutMs,
    bodyTimeout: settings.timeoutMs,
    maxResponseSize: MAX_ANSWER_BYTES,
  })
  const base = settings.url.replace(/\/+$/, '')
  return {
    post: async (path, headers, body, signal) => {
      const response = await call(`${base}${path}`, {
        dispatcher: agent,
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'application/json', ...headers },
        body: JSON.stringify(body),
        signal,
      })
      const answer = await Promise.race([
        response.body.json().catch(() => null),
        sleep(BODY_WAIT_MS, null, { ref: false }),
      ])
      if (response.statusCode >= 200 && response.statusCode < 300) return answer
      if (FINAL.has(response.statusCode)) throw new MailRefused(`provider-${response.statusCode}`)
      throw unavailable(response.statusCode, readRetryAfter(response.headers['retry-after']))
    },
    close: () => agent.close(),
  }
}

/** Too Many Requests means us, not this mail; so does a Service Unavailable that names a time. */
const unavailable = (status: number, retryAfterMs: number | null): MailerUnavailable => {
  const isForEverybody = status === 429 || (status === 503 && retryAfterMs !== null)
  return new MailerUnavailable(`provider-${status}`, { isClearNo: true, retryAfterMs, isForEverybody })
}

const call = async (url: string, options: Parameters<typeof request>[1]): Promise<Dispatcher.ResponseData<unknown>> => {
  try {
    return await traced(url, () => request(url, options))
  } catch (cause) {
    throw neverConnected(cause)
      ? new MailerUnavailable('provider-not-reached', { isClearNo: true, cause })
      : new MailerUnavailable('provider-silent', { isClearNo: false, cause })
  }
}

/** The call's part of a trace; the provider is not told of it. */
const traced = (
  url: string,
  send: () => Promise<Dispatcher.ResponseData<unknown>>,
): Promise<Dispatcher.ResponseData<unknown>> => {
  const { hostname, port, protocol, origin, pathname } = new URL(url)
  const attributes = {
    'http.request.method': 'POST',
    'server.address': hostname,
    'server.port': Number(port) || (protocol === 'https:' ? 443 : 80),
    'url.full': `${origin}${pathname}`,
  }
  return inSpan('POST', { kind: 'client', attributes }, async (span) => {
    const response = await send()
    span.setAttribute('http.response.status_code', response.statusCode)
    if (response.statusCode >= 400) failSpan(span, String(response.statusCode))
    return response
  })
}

const NEVER_CONNECTED = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
])

/** No byte of the mail has left, so nobody can have the code. Whatever else went wrong, the provider may have it. */
const neverConnected = (error: unknown): boolean => {
  if (error instanceof AggregateError) return error.errors.every(neverConnected)
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && NEVER_CONNECTED.has(error.code)
}
