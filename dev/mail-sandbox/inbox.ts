import { randomUUID } from 'node:crypto'
import type { Announce } from './announcements.ts'
import type { Message } from './message.ts'

const MAILS_KEPT = 1000

type Mail = {
  id: string
  to: string[]
  from: string
  subject: string
  text: string | null
  html: string | null
  createdAt: string
  idempotencyKey: string | null
  /** How often the same request came again after the first. */
  repeats: number
  /** The line of the text that is 4 or 8 digits and nothing else. */
  code: string | null
}

export type Inbox = ReturnType<typeof createInbox>

/** The newest mails, in memory. An idempotency key is forgotten with its mail. */
export function createInbox(announce: Announce) {
  const mails = new Map<string, { mail: Mail; body: string }>()
  const idByKey = new Map<string, string>()

  const keep = (mail: Mail, body: string) => {
    mails.set(mail.id, { mail, body })
    if (mail.idempotencyKey !== null) idByKey.set(mail.idempotencyKey, mail.id)
    if (mails.size > MAILS_KEPT) dropOldest(mails, idByKey)
    announce('mail', mail)
    return mail
  }

  const sentUnder = (key: string | null) => {
    const id = key === null ? undefined : idByKey.get(key)
    return id === undefined ? undefined : mails.get(id)
  }

  return {
    /** `body` is the request as it was sent: a repeat under the same key has to be the same to the byte. */
    take(message: Message, body: string, key: string | null): Mail | 'invalid_idempotent_request' {
      const former = sentUnder(key)
      if (former === undefined) return keep(newMail(message, key), body)
      if (former.body !== body) return 'invalid_idempotent_request'
      return keep({ ...former.mail, repeats: former.mail.repeats + 1 }, body)
    },

    /** Newest first. */
    list(): Mail[] {
      return [...mails.values()].map(({ mail }) => mail).reverse()
    },

    find(id: string): Mail | null {
      return mails.get(id)?.mail ?? null
    },

    empty(): void {
      mails.clear()
      idByKey.clear()
      announce('inbox', { data: [] })
    },
  }
}

function dropOldest(mails: Map<string, { mail: Mail }>, idByKey: Map<string, string>) {
  const [oldest] = mails.values()
  if (oldest === undefined) return
  mails.delete(oldest.mail.id)
  if (oldest.mail.idempotencyKey !== null) idByKey.delete(oldest.mail.idempotencyKey)
}

function newMail(message: Message, idempotencyKey: string | null): Mail {
  const { from, to, subject, text = null, html = null } = message
  return {
    id: randomUUID(),
    to: typeof to === 'string' ? [to] : to,
    from,
    subject,
    text,
    html,
    createdAt: new Date().toISOString(),
    idempotencyKey,
    repeats: 0,
    code: /^(?:\d{4}|\d{8})$/m.exec(text ?? '')?.[0] ?? null,
  }
}
