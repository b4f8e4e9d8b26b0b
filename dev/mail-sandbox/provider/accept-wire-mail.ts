import { addressOf } from '../inbox/mail.ts'
import type { AcceptTools } from './accept-mail.ts'
import { behaviourFor } from './behaviour.ts'
import { toResponse } from './facts.ts'
import { factsOf } from './fixtures.ts'

/** What a provider other than Resend does with a mail when nothing is wrong with it; null: it does not answer. */
export async function acceptWireMail(
  { inbox, apiKey, reports }: AcceptTools,
  name: string,
  request: Request,
): Promise<Response | null> {
  const facts = factsOf(name)
  if (!facts.isAuthentic(request.headers, apiKey)) return toResponse(facts.errors.unauthorized)
  const body = await request.text()
  const mail = facts.read(body, request.headers)
  if (mail === null || mail.to.some((to) => addressOf(to) === null)) return toResponse(facts.errors.invalid)
  const behaviour = behaviourFor(mail.to)
  if (behaviour.takes === 'silent') return null
  if (behaviour.takes === 'refused') return toResponse(facts.errors.invalid)
  const { key, ...message } = mail
  const duplicate = facts.errors['duplicate-key']
  // Most providers only carry the key; Brevo drops the copy, and says so.
  const taken = inbox.take(message, body, duplicate ? key : null)
  if (taken === 'another-body' || !taken.isNew) return toResponse(duplicate ?? facts.errors.invalid)
  void reports?.send(taken.id, behaviour.reports)
  return toResponse(facts.accept(taken.id))
}

/** The provider's documented error of this name or, failing that, of this status; a bare status when it documents none. */
export function documentedError(name: string, wanted: { error: string } | { status: number }): Response {
  const { errors } = factsOf(name)
  const found =
    'error' in wanted ? errors[wanted.error] : Object.values(errors).find(({ status }) => status === wanted.status)
  return found ? toResponse(found) : new Response(null, { status: 'status' in wanted ? wanted.status : 503 })
}
