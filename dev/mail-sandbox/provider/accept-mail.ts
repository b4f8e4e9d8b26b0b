import * as v from 'valibot'
import type { Inbox } from '../inbox/inbox.ts'
import { addressOf } from '../inbox/mail.ts'
import { readJson } from '../read-json.ts'
import { invalid, notJson, refusal } from '../refusal.ts'
import { behaviourFor } from './behaviour.ts'
import { type Message, messageSchema } from './message.ts'
import type { Reports } from './reports.ts'

const KEY_LENGTH_MAX = 256

export type AcceptTools = { inbox: Inbox; apiKey: string; reports: Reports }

/** What the provider does with `POST /emails` when nothing is wrong with it; null: it does not answer. */
export async function acceptMail(tools: AcceptTools, request: Request): Promise<Response | null> {
  const stranger = refuseStranger(request.headers, tools.apiKey)
  if (stranger !== null) return stranger
  const key = request.headers.get('idempotency-key')
  if (key !== null && (key === '' || key.length > KEY_LENGTH_MAX)) return refuseKey()
  const body = await request.text()
  const json = readJson(body)
  if (json === undefined) return notJson()
  const message = v.safeParse(messageSchema, json)
  if (!message.success) return invalid(message.issues)
  return takeMail(tools, message.output, { body, key })
}

function takeMail(
  { inbox, reports }: AcceptTools,
  message: Message,
  { body, key }: { body: string; key: string | null },
): Response | null {
  const behaviour = behaviourFor(message.to)
  if (behaviour.takes === 'silent') return null
  if (behaviour.takes === 'refused' || [message.to].flat().some((to) => addressOf(to) === null))
    return refuseRecipient()
  const taken = inbox.take(message, body, key)
  if (taken === 'another-body') return refuseReuse()
  if (taken.isNew) void reports?.send(taken.id, behaviour.reports)
  return Response.json({ id: taken.id })
}

function refuseStranger(headers: Headers, apiKey: string) {
  if (!headers.get('user-agent'))
    return refusal(403, 'missing_user_agent', 'A User-Agent header is required (error 1010).')
  const authorization = headers.get('authorization')
  if (authorization === null) return refusal(401, 'missing_api_key', 'Missing API key in the authorization header.')
  return authorization === `Bearer ${apiKey}` ? null : refusal(403, 'invalid_api_key', 'The API key is invalid.')
}

function refuseKey() {
  const message = `The idempotency key must have 1 to ${KEY_LENGTH_MAX} characters.`
  return refusal(400, 'invalid_idempotency_key', message)
}

function refuseRecipient() {
  return refusal(422, 'validation_error', 'Invalid `to` field. The mail sandbox cannot send to this address.')
}

function refuseReuse() {
  const message = 'Same idempotency key used with a different request payload.'
  return refusal(409, 'invalid_idempotent_request', message)
}
