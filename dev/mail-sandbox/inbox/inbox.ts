import { createHash } from 'node:crypto'
import type { Announce } from '../announcements.ts'
import type { Message } from '../provider/message.ts'
import { createIdempotencyKeys } from './idempotency-keys.ts'
import { type Mail, newMail, type Report } from './mail.ts'

const MAILS_KEPT = 1000
const PLACES_KEPT = 100_000

export type Inbox = ReturnType<typeof createInbox>

/** Mails as they come, and what is reported of them. */
export function createInbox(announce: Announce) {
  const { add, change, ...mails } = createKeptMails(announce)
  const keys = createIdempotencyKeys<string>()

  return {
    ...mails,

    /** The mail's id. `body` is the request as it was sent: a repeat under the same key has to be the same to the byte. */
    take(message: Message, body: string, key: string | null): { id: string; isNew: boolean } | 'another-body' {
      const print = createHash('sha256').update(body).digest('base64')
      const former = key === null ? undefined : keys.find(key)
      if (former === undefined) {
        const mail = newMail(message, key)
        if (key !== null) keys.keep(key, print, mail.id)
        add(mail)
        return { id: mail.id, isNew: true }
      }
      if (former.body !== print) return 'another-body'
      const mail = mails.find(former.answer)
      if (mail !== null) change({ ...mail, repeats: mail.repeats + 1 })
      return { id: former.answer, isNew: false }
    },

    /** Adds the report, or replaces the one of the same type and time. */
    note(id: string, report: Report): void {
      const mail = mails.find(id)
      if (mail === null) return
      const others = mail.reports.filter(({ type, at }) => type !== report.type || at !== report.at)
      change({ ...mail, reports: [...others, report] })
    },
  }
}

/** The newest mails, in memory; each change is announced. */
function createKeptMails(announce: Announce) {
  const mails = new Map<string, Mail>()
  /** When each mail came in the order of all, also of those that are no longer kept. */
  const places = new Map<string, number>()
  let taken = 0

  const change = (mail: Mail) => {
    mails.set(mail.id, mail)
    announce('mail', mail)
  }

  return {
    change,

    add(mail: Mail): void {
      places.set(mail.id, ++taken)
      dropOldest(places, PLACES_KEPT)
      change(mail)
      dropOldest(mails, MAILS_KEPT)
    },

    /** Newest first. */
    list(): Mail[] {
      return [...mails.values()].reverse()
    },

    find(id: string): Mail | null {
      return mails.get(id) ?? null
    },

    /** Rises with each mail; 0 for one that this inbox has never had, or has forgotten. */
    placeOf(id: string): number {
      return places.get(id) ?? 0
    },

    empty(): void {
      mails.clear()
      announce('inbox', { data: [] })
    },
  }
}

function dropOldest(kept: Map<string, unknown>, most: number) {
  for (const id of kept.keys()) {
    if (kept.size <= most) return
    kept.delete(id)
  }
}
