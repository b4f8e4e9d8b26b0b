import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Inbox } from '../inbox/inbox.ts'
import { type EventType, kinds } from './event.ts'
import type { EventSource, SignedEvent } from './facts.ts'

/** Where the service takes events, and what makes and signs those of the provider that is played. */
export type EventsTarget = { url: string; source: EventSource }
export type Reports = ReturnType<typeof createReports>

const BEFORE_FIRST_MS = 500
const BEFORE_RETRY_MS = [1000, 5000, 30_000, 300_000]
const TIMEOUT_MS = 15_000

/** Tells the service what became of a mail, in the way of Svix, which sends Resend's events; null where it is told nowhere. */
export function createReports(target: EventsTarget | null, inbox: Inbox) {
  if (target === null) return null
  const closing = new AbortController()
  const deliver = createSender(target, inbox, closing.signal)

  return {
    /** Sends the events one after the other; each shows on the mail with the answer that it got. */
    async send(mailId: string, types: EventType[]): Promise<void> {
      for (const type of types) {
        await pause(BEFORE_FIRST_MS, closing.signal)
        await deliver(mailId, type)
      }
    },

    close: () => closing.abort(),
  }
}

function createSender({ url, source }: EventsTarget, inbox: Inbox, signal: AbortSignal) {
  return async (mailId: string, type: EventType): Promise<void> => {
    const mail = inbox.find(mailId)
    if (mail === null) return
    const at = new Date()
    const message = { id: `msg_${randomUUID()}`, body: JSON.stringify(source.event(kinds[type], mail, at)) }
    for (const pauseMs of [0, ...BEFORE_RETRY_MS]) {
      await pause(pauseMs, signal)
      if (signal.aborted) return
      const status = await post(url, source.sign(message.body, { id: message.id, at: new Date() }), signal)
      inbox.note(mailId, { type, at: at.toISOString(), status })
      if (status !== null && status < 300) return
    }
  }
}

/** The status of the answer; null when there was none. */
async function post(url: string, { headers, body }: SignedEvent, signal: AbortSignal): Promise<number | null> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)])
  const answer = await fetch(url, { method: 'POST', headers, body, redirect: 'manual', signal: limit }).catch(
    () => null,
  )
  await answer?.body?.cancel()
  return answer?.status ?? null
}

async function pause(ms: number, signal: AbortSignal) {
  await sleep(ms, undefined, { signal, ref: false }).catch(() => undefined)
}
