import type { Context } from 'hono'
import { streamSSE } from 'hono/streaming'
import type { Announcements } from '../announcements.ts'
import type { Faults } from '../faults/faults.ts'
import type { ToldEvents } from '../webhook/told-events.ts'
import type { Inbox } from './inbox.ts'

/**
 * Server-sent events: `inbox`, `fault` and `all-told` with everything there is, then each `mail`, `inbox`, `fault` and `told` as it comes.
 * One ordered stream is all that a page needs, also after it has lost one.
 */
type Tools = { announcements: Announcements; inbox: Inbox; faults: Faults; told: ToldEvents }

export function streamEvents(c: Context, tools: Tools) {
  return streamSSE(c, async (stream) => {
    const tell = (event: string, data: unknown) => {
      void stream.writeSSE({ event, data: JSON.stringify(data) })
    }
    tell('inbox', { data: tools.inbox.list() })
    tell('fault', tools.faults.state())
    if (tools.told !== null) tell('all-told', { data: tools.told.list() })
    const leave = tools.announcements.subscribe(tell)
    await new Promise<void>((resolve) => stream.onAbort(resolve))
    leave()
  })
}
