import type { Announcements } from '../announcements.ts'
import type { Inbox } from './inbox.ts'
import { isTo, type Mail } from './mail.ts'

/** `after`: the place of a mail that is too old, with all before it. */
export type Wanted = { to: string; after: number }

/** The newest mail that is wanted, as soon as there is one; null when the time is over or nobody waits any more. */
export function waitForMail(
  { inbox, announcements }: { inbox: Inbox; announcements: Announcements },
  wanted: Wanted,
  wait: { ms: number; signal: AbortSignal },
): Promise<Mail | null> {
  const newest = () => inbox.list().find((mail) => isTo(mail, wanted.to) && inbox.placeOf(mail.id) > wanted.after)
  const there = newest()
  if (there !== undefined || wait.ms === 0) return Promise.resolve(there ?? null)
  return new Promise((resolve) => {
    const end = (mail: Mail | null) => {
      clearTimeout(timer)
      unsubscribe()
      resolve(mail)
    }
    const timer = setTimeout(end, wait.ms, null)
    const unsubscribe = announcements.subscribe((event) => {
      const mail = event === 'mail' ? newest() : undefined
      if (mail !== undefined) end(mail)
    })
    wait.signal.addEventListener('abort', () => end(null), { once: true })
  })
}
