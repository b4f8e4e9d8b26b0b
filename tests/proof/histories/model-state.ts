// What the model knows of a service. Times are seconds since the history began.

const HOUR = 3600
export const DAY = 24 * HOUR

export const RULES = {
  ...{ ttl: 60, attempts: 3, coolDown: 30, giveUp: HOUR, guessesADay: 3 },
  // How long a slow provider takes, and how long one wants to be left alone.
  ...{ slow: 35, retryAfter: 30 },
}

const BUDGETS = {
  // What one network may cause is half of what a mailbox gets.
  mails: [
    { max: 4, seconds: HOUR },
    { max: 8, seconds: DAY },
  ],
  logins: [{ max: 4, seconds: HOUR }],
  wrongCodes: [{ max: 6, seconds: HOUR }],
}
type Budget = keyof typeof BUDGETS

/** `isOut`: somebody may have it. `isRead`: its person does, as a mail with it was taken. */
export type Code = {
  length: 4 | 8
  isOut: boolean
  isRead: boolean
  attempts: number
  expiresAt: number
  sentAt: number | null
}

export type Mail = {
  state: 'waiting' | 'accepted' | 'refused' | 'given-up' | 'dropped'
  askedAt: number
  settledAt: number
  failingSince: number | null
  retryAt: number
  /** An operator started it over. */
  isRetried: boolean
  /** Nothing left, as the owner of the address was told today: it shares the fate of that notice. */
  standsFor: Mail | null
  deliveredAt: number
  bouncedAt: number
}

export type Body = { email: string; password: string; plan: number }

/** The newest code is the first. `notice`: what told the owner of the address of another registration. */
export type Registration = Body & {
  key: string | null
  createdAt: number
  isActive: boolean
  codes: Code[]
  mail: Mail
  notice: { mail: Mail; at: number } | null
}

export const newMail = (now: number): Mail => ({
  ...{
    state: 'waiting',
    askedAt: now,
    settledAt: 0,
    failingSince: null,
    retryAt: 0,
    isRetried: false,
    standsFor: null,
  },
  ...{ deliveredAt: Number.POSITIVE_INFINITY, bouncedAt: Number.POSITIVE_INFINITY },
})

export const newCode = (length: 4 | 8): Code => ({
  ...{ length, isOut: false, isRead: false, attempts: 0, expiresAt: Number.POSITIVE_INFINITY, sentAt: null },
})

/** The first event opens a window. */
export const createBudgets = (now: () => number) => {
  const spent = new Map<string, { count: number; until: number }>()
  const nameOf = (budget: Budget, whose: string, seconds: number) => `${budget} of ${whose} in ${seconds}`
  const find = (name: string) => {
    const window = spent.get(name)
    return window && window.until > now() ? window : undefined
  }
  return {
    isUsedUp: (budget: Budget, whose: string): boolean =>
      BUDGETS[budget].some(({ max, seconds }) => (find(nameOf(budget, whose, seconds))?.count ?? 0) >= max),
    spend: (budget: Budget, whose: string): void => {
      for (const { seconds } of BUDGETS[budget]) {
        const name = nameOf(budget, whose, seconds)
        const window = find(name) ?? { count: 0, until: now() + seconds }
        spent.set(name, { ...window, count: window.count + 1 })
      }
    },
  }
}

export type State = ReturnType<typeof createState>

export const createState = (realSeconds: () => number) => {
  const all: Registration[] = []
  const line: { one: Registration; mail: Mail }[] = []
  const guesses: { email: string; at: number }[] = []
  let passed = 0
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

  const pass = (seconds: number) => {
    passed += seconds
  }
  return { all, line, guesses, budgets, now, pass, accountOf, isTooShort, freshCode, codeOf }
}
