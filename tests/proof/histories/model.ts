import {
  type Body,
  type Code,
  createBudgets,
  DAY,
  type Mail,
  newCode,
  newMail,
  type Registration,
  RULES,
} from './model-state.ts'

// The contract for one caller at a time: no HTTP, no rows, no concurrency. An answer is a status, or the slug of a problem.

export type Mood = 'accepts' | 'slow' | 'silent' | 'busy' | 'asks-to-wait' | 'refuses'
export type Typed = 'right' | 'wrong' | 'older' | 'unreadable'
/** What a provider was asked to bring: a code of so many digits, or a notice. */
export type Sent = { to: string; brings: number | 'notice' }
export type Model = ReturnType<typeof createModel>

export const createModel = (realSeconds: () => number) => {
  const all: Registration[] = []
  const line: { one: Registration; mail: Mail }[] = []
  const guesses: { email: string; at: number }[] = []
  let passed = 0
  let heldBack = 0
  const now = () => passed + realSeconds()
  const budgets = createBudgets(now)

  const accountOf = (email: string) => all.find((one) => one.isActive && one.email === email)
  const isGuessedOut = (email: string) =>
    guesses.filter((guess) => guess.email === email && guess.at > now() - DAY).length >= RULES.guessesADay
  const isTooShort = ({ length }: Code, email: string) => length === 4 && isGuessedOut(email)
  const freshCode = (email: string) => newCode(isGuessedOut(email) ? 8 : 4)

  /** The current code; a mail that bounced has closed it. */
  const codeOf = ({ codes: [code], mail }: Registration): Code => {
    if (!code) throw new Error('a registration has a code')
    return Object.assign(code, mail.bouncedAt <= now() && { isOut: false, sentAt: null })
  }

  const authenticate = (whose: string, owner: Registration | undefined, password: string): string | null => {
    if (budgets.isUsedUp('logins', whose)) return 'too-many-requests'
    if (owner?.password === password) return null
    budgets.spend('logins', whose)
    return 'unauthenticated'
  }
  const open = (one: Registration, password: string) => authenticate(`registration ${one.createdAt}`, one, password)
  const signIn = (email: string, password: string) => authenticate(email, accountOf(email), password)

  const enqueue = (one: Registration) => {
    budgets.spend('mails', one.email)
    one.codes.unshift(freshCode(one.email))
    one.mail = newMail(now())
    line.push({ one, mail: one.mail })
    return '202'
  }

  const statusOf = (one: Registration): string => {
    const code = codeOf(one)
    const { state, bouncedAt } = one.mail
    if (state === 'refused' || state === 'given-up' || bouncedAt <= now()) return 'undeliverable'
    if (code.isOut && code.attempts >= RULES.attempts) return 'exhausted'
    if (state === 'waiting') return 'queued'
    return now() >= code.expiresAt || isTooShort(code, one.email) ? 'expired' : 'sent'
  }

  /** The code that a try brings: the same again while half of its time is left, else a fresh one. */
  const codeToSend = (one: Registration): Code => {
    const code = codeOf(one)
    const isSpent = code.isOut && (code.expiresAt - now() < RULES.ttl / 2 || code.attempts >= RULES.attempts)
    if (one.mail.isRevived || isSpent || isTooShort(code, one.email)) one.codes.unshift(freshCode(one.email))
    one.mail.isRevived = false
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
    if (mood === 'slow' && !notice) passed += RULES.slow
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
    registrations: () => all,
    accountOf,
    heldBack: () => heldBack,
    /** Whether a mail bounces or is delivered at this very moment. */
    isOnEdge: () => all.some(({ mail }) => [mail.bouncedAt, mail.deliveredAt].some((at) => Math.abs(at - now()) < 0.5)),
    pass: (seconds: number) => {
      passed += seconds
    },
    deliver: (mood: Mood): Sent[] => {
      const tried = line.splice(0)
      const sent = tried.flatMap((entry) => (all.includes(entry.one) ? attempt(entry, mood) : []))
      line.push(...tried.filter(({ one, mail }) => all.includes(one) && mail.state === 'waiting'))
      return sent
    },
    register: (body: Body, key: string | null): { answer: string; one?: Registration } => {
      const former = all.find((one) => key !== null && one.key === key && now() - one.createdAt < DAY)
      if (former) {
        const refusal = open(former, body.password)
        if (refusal === 'too-many-requests') return { answer: refusal }
        const isSame = !refusal && former.email === body.email && former.plan === body.plan
        return isSame ? { answer: '202', one: former } : { answer: 'idempotency-key-reused' }
      }
      if (budgets.isUsedUp('mails', body.email)) return { answer: 'too-many-requests' }
      const one = { ...body, key, createdAt: now(), isActive: false, codes: [], mail: newMail(now()), notice: null }
      all.push(one)
      return { answer: enqueue(one), one }
    },
    read: (one: Registration, password: string) => open(one, password) ?? '200',
    activate: (one: Registration, password: string, typed: Typed): string => {
      const refusal = open(one, password)
      if (refusal) return refusal
      if (typed === 'unreadable') return 'invalid-input'
      if (one.isActive) return '200'
      const code = codeOf(one)
      if (!code.isOut) return one.codes.some(({ isOut }) => isOut) ? 'code-expired' : 'code-not-sent'
      if (code.attempts >= RULES.attempts) return 'code-exhausted'
      if (now() >= code.expiresAt || isTooShort(code, one.email) || typed === 'older') return 'code-expired'
      if (budgets.isUsedUp('wrongCodes', 'the network')) return 'too-many-requests'
      code.attempts += 1
      if (typed === 'right' && !accountOf(one.email)) one.isActive = true
      if (one.isActive) return '200'
      if (typed === 'wrong') {
        guesses.push({ email: one.email, at: now() })
        budgets.spend('wrongCodes', 'the network')
      }
      return `code-incorrect, ${RULES.attempts - code.attempts} left`
    },
    resend: (one: Registration, password: string): string => {
      const refusal = open(one, password)
      if (refusal) return refusal
      if (one.isActive) return 'already-active'
      if (now() < one.mail.askedAt + RULES.coolDown) return 'too-many-requests'
      if (one.mail.state === 'waiting') return '202'
      return budgets.isUsedUp('mails', one.email) ? 'too-many-requests' : enqueue(one)
    },
    checkSignIn: (email: string, password: string) => signIn(email, password) ?? '200',
    changePassword: (email: string, password: string, next: string): string => {
      const refusal = signIn(email, password)
      if (refusal) return refusal
      Object.assign(accountOf(email) ?? {}, { password: next })
      return '204'
    },
    deleteAccount: (email: string, password: string): string => {
      const refusal = signIn(email, password)
      if (refusal) return refusal
      const account = accountOf(email)
      if (account) all.splice(all.indexOf(account), 1)
      return '204'
    },
    /** An operator's retry; gives whether there was something to retry. */
    retry: (one: Registration): boolean => {
      const { mail } = one
      if (mail.state !== 'refused' && mail.state !== 'given-up') return false
      Object.assign(mail, { state: 'waiting', failingSince: null, isRevived: true })
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
    /** As its owner sees it. */
    view: (one: Registration) => {
      if (one.isActive) return { status: 'active', code: null }
      const code = codeOf(one)
      const { sentAt } = code
      const ago = (at: number | null) => (at === null ? null : at - now())
      return {
        status: 'pending',
        code: {
          status: statusOf(one),
          sentAt: ago(sentAt),
          expiresAt: ago(sentAt === null ? null : code.expiresAt),
          isDelivered: one.mail.deliveredAt <= now(),
          attemptsLeft: RULES.attempts - code.attempts,
          resendAfter: ago(one.mail.askedAt + RULES.coolDown),
        },
      }
    },
  }
}
