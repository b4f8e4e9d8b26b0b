import type { ServerResponse } from 'node:http'
import type { HttpBindings } from '@hono/node-server'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { documentedError } from '../provider/accept-wire-mail.ts'
import { refusal } from '../refusal.ts'
import type { RequestFault } from './fault.ts'

/**
 * Lets the fault happen to the request; `accept` gives null where no answer is due. A late or hanging provider has taken the
 * mail before it keeps silent.
 */
export async function answerUnderFault(
  fault: RequestFault | null,
  { incoming, outgoing }: HttpBindings,
  accept: () => Promise<Response | null>,
  provider = 'resend',
): Promise<Response> {
  if (fault === null) return (await accept()) ?? neverAnswer(outgoing)
  switch (fault.kind) {
    case 'error':
      return documentedError(provider, { error: fault.error })
    case 'status':
      return provider === 'resend'
        ? orderedRefusal(fault.status, fault.retryAfter)
        : withRetryAfter(documentedError(provider, { status: fault.status }), fault.retryAfter)
    case 'latency': {
      const answer = await accept()
      await closeOrTimeout(outgoing, fault.ms)
      return answer ?? neverAnswer(outgoing)
    }
    case 'hang':
      await accept()
      return neverAnswer(outgoing)
    case 'silent':
      return neverAnswer(outgoing)
    case 'reset':
      incoming.socket.resetAndDestroy()
      return RESPONSE_ALREADY_SENT
  }
}

const names = new Map([
  [401, 'missing_api_key'],
  [403, 'invalid_api_key'],
  [404, 'not_found'],
  [422, 'validation_error'],
  [429, 'rate_limit_exceeded'],
  [500, 'application_error'],
  [503, 'service_unavailable'],
])

function orderedRefusal(status: number, retryAfter: string | undefined) {
  const name = names.get(status) ?? 'sandbox_fault'
  const headers = retryAfter === undefined ? {} : { 'Retry-After': retryAfter }
  return refusal(status, name, `The mail sandbox was told to answer ${status}.`, headers)
}

function withRetryAfter(answer: Response, retryAfter: string | undefined) {
  if (retryAfter !== undefined) answer.headers.set('Retry-After', retryAfter)
  return answer
}

async function neverAnswer(outgoing: ServerResponse) {
  await closeOrTimeout(outgoing, null)
  return RESPONSE_ALREADY_SENT
}

/** A request that nobody waits for any longer must not keep the process alive. */
function closeOrTimeout(outgoing: ServerResponse, ms: number | null) {
  return new Promise<void>((resolve) => {
    if (outgoing.destroyed) return resolve()
    const timer = ms === null ? undefined : setTimeout(resolve, ms)
    outgoing.once('close', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}
