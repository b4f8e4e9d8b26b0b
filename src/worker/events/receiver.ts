import { Webhook } from 'standardwebhooks'
import { request } from 'undici'
import type { OutgoingEvent, Receiver, Told } from '../../core/events/deliver-event.ts'
import { createEgress, type Proxies } from '../../core/process/http/egress.ts'
import { withTimeLimit } from '../../core/process/http/time-limit.ts'
import { inSpan } from '../../core/process/telemetry/tracing.ts'
import { MAX_FOR_EVERYBODY_MS, readRetryAfter } from '../providers/retry-after.ts'

const TIMEOUT_MS = 15_000
// An answer's body says nothing to us.
const READ_BYTES = 1024
const READ_MS = 1000
const KEY_BYTES = { min: 24, max: 64 }

/** Whether it is a key of Standard Webhooks: `whsec_` and 24 to 64 bytes in base64. */
export const isEventSecret = (secret: string): boolean => {
  const [, encoded = ''] = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(secret) ?? []
  const bytes = Buffer.from(encoded, 'base64')
  return bytes.toString('base64') === encoded && bytes.length >= KEY_BYTES.min && bytes.length <= KEY_BYTES.max
}

export type ReceiverSettings = {
  url: string
  secrets: string[]
  connections: number
  proxies?: Proxies
  timeoutMs?: number
}

/**
 * Posts events, signed as Standard Webhooks say (https://www.standardwebhooks.com, one signature for each secret), to one address: the
 * operator's. Redirects are not followed. 2xx within 15 seconds is delivered, however the body goes on.
 */
export const openReceiver = ({
  url,
  secrets,
  connections,
  proxies = {},
  timeoutMs = TIMEOUT_MS,
}: ReceiverSettings): Receiver => {
  // No limit to the answer: one that is longer is not read to its end, and no failure.
  const dispatcher = createEgress({ proxies, timeoutMs, connections, maxAnswerBytes: -1 })
  const webhooks = secrets.map((secret) => new Webhook(secret))
  const post = async (event: OutgoingEvent, signal: AbortSignal): Promise<Told> => {
    const at = new Date()
    const { statusCode, headers, body } = await request(url, {
      ...{ dispatcher, method: 'POST', body: event.body, signal },
      headers: {
        'content-type': 'application/json',
        'user-agent': 'Latchkey',
        'webhook-id': event.id,
        'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
        'webhook-signature': webhooks.map((webhook) => webhook.sign(event.id, at, event.body)).join(' '),
      },
    })
    await withTimeLimit(signal, READ_MS, (limited) => body.dump({ limit: READ_BYTES, signal: limited })).catch(() => {})
    if (statusCode >= 200 && statusCode < 300) return 'accepted'
    const isBusy = statusCode === 429 || statusCode === 503
    const askedMs = isBusy ? readRetryAfter(headers['retry-after']) : null
    const retryAfterMs = askedMs === null ? null : Math.min(askedMs, MAX_FOR_EVERYBODY_MS)
    return { reason: `receiver-${statusCode}`, isForEverybody: askedMs !== null, retryAfterMs }
  }
  const { hostname } = new URL(url)
  return {
    tell: (event, signal) =>
      inSpan(
        'POST',
        { kind: 'client', attributes: { 'http.request.method': 'POST', 'server.address': hostname } },
        () => withTimeLimit(signal, timeoutMs, (limited) => post(event, limited)),
      ).catch((): Told => ({ reason: 'receiver-silent', isForEverybody: false, retryAfterMs: null })),
    close: () => dispatcher.close(),
  }
}
