import type { Code, Mail, Registration, State } from './model-state.ts'
import { DAY, RULES } from './model-state.ts'

// What becomes of mails.

export type Mood = 'accepts' | 'slow' | 'silent' | 'busy' | 'asks-to-wait' | 'refuses'
/** What it was asked to bring: a code of so many digits, or a notice. */
export type Sent = { to: string; brings: number | 'notice' }

export const createProvider = (state: State) => {
  const { all, line, now, accountOf, isTooShort, freshCode, codeOf } = state
  let heldBack = 0

  /** The code that a try brings: the same again while half of its time is left, else a fresh one. */
  const codeToSend = (one: Registration): Code => {
    const code = codeOf(one)
    const isSpent = code.isOut && (code.expiresAt - now() < RULES.ttl / 2 || code.attempts >= RULES.attempts)
    if (one.mail.isRetried || isSpent || isTooShort(code, one.email)) one.codes.unshift(freshCode(one.email))
    one.mail.isRetried = false
    return codeOf(one)
  }

  /** Of a mail that stands behind a notice nothing leaves; it meets what the notice met. */
  const attempt = ({ one, mail }: { one: Registration; mail: Mail }, mood: Mood): Sent[] => {
    if (one.isActive || one.mail !== mail) mail.state = 'dropped'
    if (mail.state === 'dropped' || mail.retryAt > now()) return []
    const hasToGiveUp = mail.failingSince !== null && now() - mail.failingSince >= RULES.giveUp
    const code = codeToSend(one)
    const { isOut: wasOut, expiresAt } = code
    const startedAt = now()
    const owner = accountOf(one.email)
    const notice =
      owner?.notice && owner.notice.mail !== mail && now() - owner.notice.at < DAY ? owner.notice.mail : null
    if (owner && !notice) owner.notice = { mail, at: now() }
    if (mood === 'slow' && !notice) state.pass(RULES.slow)
    const isTaken = mood === 'accepts' || mood === 'slow' || (notice !== null && mood === 'refuses')
    code.isOut = true
    if (!wasOut) code.expiresAt = (isTaken ? now() : startedAt) + RULES.ttl
    if (wasOut) code.expiresAt = expiresAt
    if (!owner && (isTaken || mood === 'silent')) code.isRead = true
    if (isTaken && notice?.state !== 'refused') {
      const after = (at = Number.POSITIVE_INFINITY) => now() + at - (notice?.settledAt ?? 0)
      const fate = { deliveredAt: after(notice?.deliveredAt), bouncedAt: after(notice?.bouncedAt) }
      Object.assign(mail, { state: 'accepted', settledAt: now(), standsFor: notice, ...fate })
      code.sentAt = now()
    } else {
      // A clear no closes the code again, unless an earlier try may have brought it.
      if (mood !== 'silent' && !wasOut) code.isOut = false
      mail.failingSince ??= now()
      if (mood === 'asks-to-wait') mail.retryAt = now() + RULES.retryAfter
      if (isTaken || mood === 'refuses') mail.state = 'refused'
      else if (hasToGiveUp) mail.state = 'given-up'
    }
    if (notice) heldBack += 1
    return notice ? [] : [{ to: one.email, brings: owner ? 'notice' : code.length }]
  }

  return {
    /** Mails of which nothing left. */
    heldBack: () => heldBack,
    /** Whether a mail bounces or is delivered at this very moment. */
    isOnEdge: () => all.some(({ mail }) => [mail.bouncedAt, mail.deliveredAt].some((at) => Math.abs(at - now()) < 0.5)),
    deliver: (mood: Mood): Sent[] => {
      const tried = line.splice(0)
      const sent = tried.flatMap((entry) => (all.includes(entry.one) ? attempt(entry, mood) : []))
      line.push(...tried.filter(({ one, mail }) => all.includes(one) && mail.state === 'waiting'))
      return sent
    },
    /** An operator's retry; gives whether there was something to retry. */
    retry: (one: Registration): boolean => {
      const { mail } = one
      if (mail.state !== 'refused' && mail.state !== 'given-up') return false
      Object.assign(mail, { state: 'waiting', failingSince: null, isRetried: true })
      line.push({ one, mail })
      return true
    },
    report: ({ mail }: Registration, kind: 'delivered' | 'bounced'): void => {
      const what = kind === 'delivered' ? 'deliveredAt' : 'bouncedAt'
      const after = now() - mail.settledAt
      for (const each of all.map((one) => one.mail))
        if ((each === mail || each.standsFor === mail) && each[what] === Number.POSITIVE_INFINITY)
          each[what] = each.settledAt + after
    },
  }
}
