import { createProvider } from './model-provider.ts'
import { type Body, createState, DAY, newMail, type Registration, RULES } from './model-state.ts'

// The contract for one caller at a time: no HTTP, no rows, no concurrency. An answer is a status, or the slug of a problem.

export type Typed = 'right' | 'wrong' | 'older' | 'unreadable'
export type Model = ReturnType<typeof createModel>

export const createModel = (realSeconds: () => number) => {
  const state = createState(realSeconds)
  const { all, line, guesses, budgets, now, accountOf, isTooShort, freshCode, codeOf } = state

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

  return {
    registrations: () => all,
    accountOf,
    pass: state.pass,
    ...createProvider(state),
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
