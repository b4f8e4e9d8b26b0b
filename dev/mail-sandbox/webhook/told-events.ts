import { Webhook } from 'standardwebhooks'
import * as v from 'valibot'
import type { Announce } from '../announcements.ts'

const EVENTS_KEPT = 1000

const eventSchema = v.object({ type: v.string(), timestamp: v.string(), data: v.looseObject({}) })

/** An event that the service told; `repeats`: how often it came again under the same id. */
export type ToldEvent = v.InferOutput<typeof eventSchema> & { id: string; receivedAt: string; repeats: number }

export type ToldEvents = ReturnType<typeof createToldEvents>

/**
 * A receiver of the service's events as its users would write one: it takes what is signed with its secret as Standard Webhooks say, and
 * each event once, whatever number of times it comes. The newest are kept, in memory; null where there is no secret.
 */
export function createToldEvents(secret: string | undefined, announce: Announce) {
  if (secret === undefined) return null
  const webhook = new Webhook(secret)
  const events = new Map<string, ToldEvent>()

  return {
    take(body: string, headers: Headers): 'taken' | 'not-signed' | 'no-event' {
      const verified = verify(webhook, body, headers)
      if (verified === null) return 'not-signed'
      const read = v.safeParse(eventSchema, verified)
      if (!read.success) return 'no-event'
      const id = headers.get('webhook-id') ?? ''
      const former = events.get(id)
      const event = former
        ? { ...former, repeats: former.repeats + 1 }
        : { ...read.output, id, receivedAt: new Date().toISOString(), repeats: 0 }
      events.set(id, event)
      const [oldest] = events.keys()
      if (events.size > EVENTS_KEPT && oldest !== undefined) events.delete(oldest)
      announce('told', event)
      return 'taken'
    },

    /** Newest first. */
    list(): ToldEvent[] {
      return [...events.values()].reverse()
    },
  }
}

function verify(webhook: Webhook, body: string, headers: Headers): unknown {
  try {
    return webhook.verify(body, Object.fromEntries(headers))
  } catch {
    return null
  }
}
