import * as v from 'valibot'
import type { Inbox } from './inbox.ts'
import { messageSchema } from './message.ts'
import { readJson } from './read-json.ts'
import { invalid, notJson, refusal } from './refusal.ts'

const KEY_LENGTH_MAX = 256

/** What the provider does with `POST /emails` when nothing is wrong with it. */
export async function acceptMail(inbox: Inbox, apiKey: string, request: Request): Promise<Response> {
  const stranger = refuseStranger(request.headers.get('authorization'), apiKey)
  if (stranger !== null) return stranger
  const key = request.headers.get('idempotency-key')
  if (key !== null && (key === '' || key.length > KEY_LENGTH_MAX)) return refuseKey()
  const body = await request.text()
  const json = readJson(body)
  if (json === undefined) return notJson()
  const message = v.safeParse(messageSchema, json)
  if (!message.success) return invalid(message.issues)
  const mail = inbox.take(message.output, body, key)
  return mail === 'invalid_idempotent_request' ? refuseReuse() : Response.json({ id: mail.id })
}

function refuseStranger(authorization: string | null, apiKey: string) {
  if (authorization === null) return refusal(401, 'missing_api_key', 'Missing API key in the authorization header.')
  return authorization === `Bearer ${apiKey}` ? null : refusal(401, 'invalid_api_key', 'The API key is invalid.')
}

function refuseKey() {
  const message = `The idempotency key must have 1 to ${KEY_LENGTH_MAX} characters.`
  return refusal(400, 'invalid_idempotency_key', message)
}

function refuseReuse() {
  const message = 'Same idempotency key used with a different request payload.'
  return refusal(409, 'invalid_idempotent_request', message)
}
