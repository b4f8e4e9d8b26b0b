import type { Clock } from './harness/clock.ts'
import { type Counts, createCounts } from './harness/counts.ts'

// The contract for one caller at a time: no HTTP, no rows, no concurrency. An answer is a status, or the slug of a problem.

const [HOUR, DAY, NEVER] = [3600, 86_400, Number.POSITIVE_INFINITY]
export const RULES = { ttl: 60, attempts: 3, coolDown: 30, guesses: 3, giveUp: HOUR }
const most = (max: number, seconds: number) => ({ max, seconds })
// All comes from one network, which may cause half of what a mailbox gets.
const LIMITS = { mails: [most(4, HOUR), most(8, DAY)], logins: [most(4, HOUR)], wrongCodes: [most(6, HOUR)] }

/** What a provider may do: whether somebody may have the mail, what becomes of it, how long that takes, or it wants to wait. */
export const MOODS = {
  accepts: { arrives: true, state: 'accepted', takes: 0, asks: 0 },
  slow: { arrives: true, state: 'accepted', takes: 35, asks: 0 },
  silent: { arrives: true, state: 'waiting', takes: 0, asks: 0 },
  busy: { arrives: false, state: 'waiting', takes: 0, asks: 0 },
  'asks-to-wait': { arrives: false, state: 'waiting', takes: 0, asks: 30 },
  refuses: { arrives: false, state: 'refused', takes: 0, asks: 0 },
} as const
export type Mood = keyof typeof MOODS
export type Typed = 'right' | 'wrong' | 'older' | 'unreadable'
type MailState = 'waiting' | 'accepted' | 'held back' | 'refused' | 'given-up'

/** Somebody may have a code that is out; its person has one that is read. */
const newCode = (counts: Counts, email: string) => ({
  ...{ length: isGuessedOut(counts, email) ? 8 : 4, attempts: 0, isOut: false, isRead: false },
  ...{ expiresAt: NEVER, sentAt: NEVER },
})
/** `reported`: what, in seconds after it was settled. */
const newMail = (askedAt: number, state: MailState = 'waiting') => ({
  ...{ state, askedAt, queuedAt: askedAt, isRetried: false, settledAt: 0, failingSince: NEVER, retryAt: 0 },
  reported: { delivered: NEVER, bounced: NEVER },
})
/** `older` codes stand beside the mails that brought them; `told` told the owner of this account of another registration. */
const newRegistration = (body: Body, key: string | null, code: Code, mail: Mail, older: Sending[] = []) => ({
  ...{ ...body, key, createdAt: mail.askedAt, isActive: false, code, older, mail, told: mail, toldAt: -NEVER },
})
type Body = { email: string; password: string; plan: number }
type Code = ReturnType<typeof newCode>
type Mail = ReturnType<typeof newMail>
type Sending = { code: Code; mail: Mail }
export type Report = keyof Mail['reported']
export type Registration = ReturnType<typeof newRegistration>
type Whose = Registration | string
type Act = (owner: Registration) => string | undefined
export type Model = Clock & { counts: Counts; all: Registration[] }
export const createModel = (clock: Clock): Model => ({ ...clock, counts: createCounts(clock.now), all: [] })

// POST /v1/users
export const register = (model: Model, body: Body, key: string | null): Registration | string => {
  const former = model.all.find((one) => key !== null && one.key === key && model.now() - one.createdAt < DAY)
  if (former) {
    const answer = read(model, former, body.password)
    if (answer === 'too-many-requests') return answer
    const isSame = answer === '200' && former.email === body.email && former.plan === body.plan
    return isSame ? former : 'idempotency-key-reused'
  }
  if (model.counts.isFull(`mails to ${body.email}`, LIMITS.mails)) return 'too-many-requests'
  const one = newRegistration(body, key, newCode(model.counts, body.email), newMail(model.now()))
  model.counts.add(`mails to ${body.email}`)
  model.all.push(one)
  return one
}
const isGuessedOut = (counts: Counts, email: string) => counts.lately(`guesses at ${email}`, DAY) >= RULES.guesses

// GET /v1/users/{id}, GET /v1/account
export const read = (model: Model, whose: Whose, password: string) => open(model, whose, password) ?? '200'
/** HTTP Basic: with the password of a registration, or of the account of an address. */
const open = (model: Model, whose: Whose, password: string, act?: Act): string | undefined => {
  const [owner, name] = typeof whose === 'string' ? [accountOf(model, whose), whose] : [whose, whose.createdAt]
  if (model.counts.isFull(`logins of ${name}`, LIMITS.logins)) return 'too-many-requests'
  if (owner?.password === password) return act?.(owner)
  model.counts.add(`logins of ${name}`)
  return 'unauthenticated'
}
export const accountOf = ({ all }: Model, email: string) => all.find((one) => one.isActive && one.email === email)

// POST /v1/users/{id}/activation
export const activate = (model: Model, one: Registration, password: string, typed: Typed): string => {
  const refusal = open(model, one, password)
  if (refusal) return refusal
  if (typed === 'unreadable') return 'invalid-input'
  if (one.isActive) return '200'
  const { code, older } = one
  if (!isOut(model, one)) return older.some((each) => isOut(model, each)) ? 'code-expired' : 'code-not-sent'
  if (code.attempts >= RULES.attempts) return 'code-exhausted'
  if (isExpired(model, one) || typed === 'older') return 'code-expired'
  if (model.counts.isFull('wrong codes', LIMITS.wrongCodes)) return 'too-many-requests'
  code.attempts += 1
  if (typed === 'right' && !accountOf(model, one.email)) one.isActive = true
  if (one.isActive) return '200'
  if (typed === 'wrong') for (const what of ['wrong codes', `guesses at ${one.email}`]) model.counts.add(what)
  return `code-incorrect, ${RULES.attempts - code.attempts} left`
}
/** A bounce closes it. */
const isOut = (model: Model, { code, mail }: Sending) => code.isOut && !isReported(model, mail, 'bounced')
const isReported = ({ now }: Model, mail: Mail, what: Report) => now() >= mail.settledAt + mail.reported[what]
const isShort = ({ counts }: Model, { code, email }: Registration) => code.length === 4 && isGuessedOut(counts, email)
const isExpired = (model: Model, one: Registration) => model.now() >= one.code.expiresAt || isShort(model, one)

// POST /v1/users/{id}/codes
export const resend = (model: Model, one: Registration, password: string): string => {
  const refusal = open(model, one, password)
  if (refusal) return refusal
  if (one.isActive) return 'already-active'
  if (model.now() < one.mail.askedAt + RULES.coolDown) return 'too-many-requests'
  if (one.mail.state === 'waiting') return '202'
  if (model.counts.isFull(`mails to ${one.email}`, LIMITS.mails)) return 'too-many-requests'
  model.counts.add(`mails to ${one.email}`)
  replaceCode(model, one, one.mail)
  one.mail = newMail(model.now())
  return '202'
}
const replaceCode = (model: Model, one: Registration, mail: Mail) =>
  Object.assign(one, { code: newCode(model.counts, one.email), older: [{ code: one.code, mail }, ...one.older] })

// PUT /v1/account/password, DELETE /v1/account
export const changePassword = (model: Model, email: string, password: string, next: string): string =>
  open(model, email, password, (account) => void Object.assign(account, { password: next })) ?? '204'
export const deleteAccount = (model: Model, email: string, password: string): string =>
  open(model, email, password, (account) => void model.all.splice(model.all.indexOf(account), 1)) ?? '204'

/** The user, as its owner sees it. */
export const view = (model: Model, one: Registration) => {
  if (one.isActive) return { status: 'active', code: null }
  const { code, mail } = one
  const sentAt = isOut(model, one) ? code.sentAt : NEVER
  const expiresAt = sentAt < NEVER ? code.expiresAt : NEVER
  const [isDelivered, attemptsLeft] = [isReported(model, mail, 'delivered'), RULES.attempts - code.attempts]
  const times = { sentAt, expiresAt, resendAfter: mail.askedAt + RULES.coolDown }
  return { status: 'pending', code: { status: statusOf(model, one), isDelivered, attemptsLeft, ...times } }
}
const statusOf = (model: Model, one: Registration): string => {
  const { state } = one.mail
  if (state === 'refused' || state === 'given-up' || isReported(model, one.mail, 'bounced')) return 'undeliverable'
  if (one.code.isOut && one.code.attempts >= RULES.attempts) return 'exhausted'
  if (state === 'waiting') return 'queued'
  return isExpired(model, one) ? 'expired' : 'sent'
}

/** Each mail that waits is tried once. Nothing leaves to an owner who was told today: that mail meets what the notice met. */
export const deliver = (model: Model, mood: Mood) =>
  model.all.toSorted((one, two) => one.mail.queuedAt - two.mail.queuedAt).flatMap((one) => attempt(model, one, mood))
const attempt = (model: Model, one: Registration, mood: Mood) => {
  const { email, mail } = one
  if (one.isActive || mail.state !== 'waiting' || mail.retryAt > model.now()) return []
  const hasToGiveUp = model.now() - mail.failingSince >= RULES.giveUp
  const owner = accountOf(model, email)
  const notice = owner && owner.told !== mail && model.now() - owner.toldAt < DAY ? owner.told : null
  if (owner && !notice) Object.assign(owner, { told: mail, toldAt: model.now() })
  const met = notice?.state === 'refused' ? 'refuses' : 'accepts'
  const { arrives, state, takes, asks } = MOODS[notice && MOODS[mood].state !== 'waiting' ? met : mood]
  if (mail.isRetried || isSpent(model, one) || isShort(model, one)) replaceCode(model, one, newMail(model.now()))
  const { code } = one
  model.pass(takes)
  const now = model.now()
  if (!code.isOut) code.expiresAt = now + RULES.ttl
  if (arrives) Object.assign(code, { isOut: true, isRead: code.isRead || !owner })
  if (state === 'accepted') code.sentAt = now
  Object.assign(mail, { settledAt: now, retryAt: now + asks, failingSince: Math.min(mail.failingSince, now) })
  Object.assign(mail, { isRetried: false, state: state === 'waiting' && hasToGiveUp ? 'given-up' : state })
  if (notice && state === 'accepted') Object.assign(mail, { state: 'held back', reported: notice.reported })
  const brings = owner ? 'notice' : code.length
  return [{ to: email, brings: notice ? 'held back' : brings }]
}
/** A try brings the same code again while half of its time is left. */
const isSpent = ({ now }: Model, { code }: Registration) =>
  code.isOut && (code.expiresAt - now() < RULES.ttl / 2 || code.attempts >= RULES.attempts)

/** By an operator; gives whether there was something to retry. */
export const retry = ({ now }: Model, { mail }: Registration): boolean => {
  const hasFailed = mail.state === 'refused' || mail.state === 'given-up'
  if (hasFailed) Object.assign(mail, { state: 'waiting', queuedAt: now(), failingSince: NEVER, isRetried: true })
  return hasFailed
}
export const report = ({ now }: Model, { mail: { reported, settledAt } }: Registration, what: Report): void => {
  reported[what] = Math.min(reported[what], now() - settledAt)
}
