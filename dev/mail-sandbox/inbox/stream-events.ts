import type { Context } from 'hono'
import { streamSSE } from 'hono/streaming'
import type { Announcements } from '../announcements.ts'
import type { Faults } from '../faults/faults.ts'
import type { Inbox } from './inbox.ts'

/**
 * Server-sent events: `inbox` and `fault` with everything there is, then each `mail`, `inbox` and `fault` as it comes.
 * One ordered stream is all that a page needs, also after it has lost one.
 */
export function streamEvents(c: Context, tools: { announcements: Announcements; inbox: Inbox; faults: Faults }) {
  return streamSSE(c, async (stream) => {
    const tell = (event: string, data: unknown) => {
      void stream.writeSSE({ event, data: JSON.stringify(data) })
    }
    tell('inbox', { data: tools.inbox.list() })
    tell('fault', tools.faults.state())
    const leave = tools.announcements.subscribe(tell)
    await new Promise<void>((resolve) => stream.onAbort(resolve))
    leave()
  })
}
