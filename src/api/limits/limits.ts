import { RateLimiterPostgres, RateLimiterRes } from 'rate-limiter-flexible'
import { type Keyring, lookupKeys } from '../../core/credentials/keyring.ts'
import type { Queryable, Tx } from '../../core/postgres/pool.ts'
import { RATE_LIMITS_TABLE } from '../../core/postgres/rate-limits.ts'
import type { Budget } from '../../core/process/config.ts'
import { RequestRefused } from '../answers/problems.ts'
import type { ApiConfig } from '../config.ts'
import { rateLimitFields, type Standing, secondsLeft } from './rate-limit-fields.ts'

const policies = [
  'registrations-per-net',
  'wrong-codes-per-net',
  'mails-per-mailbox',
  'failed-logins-per-user',
  'failed-logins-per-address',
  'failed-logins-per-net',
] as const

export type Policy = (typeof policies)[number]

/** All that a request can be refused for with 429. */
export const limitNames = [...policies, 'resend'] as const

export type LimitName = (typeof limitNames)[number]

/** A policy and whom it counts: an address, a network, a registration. */
export type Subject = readonly [Policy, string]

/** What a wrong password spends. */
export const failedLogins = (userId: string, net: string): Subject[] => [
  ['failed-logins-per-user', userId],
  ['failed-logins-per-net', net],
]

/**
 * Budgets kept in PostgreSQL. All reject with a `too-many-requests` problem when a budget is used up, and with the
 * database's error when it cannot be asked: what cannot be counted is not done.
 */
export type Limits = {
  /** Refuses when nothing is left, without spending. */
  check(...subjects: Subject[]): Promise<void>
  /** Spends one each, and refuses when that was one too many. Resolves with the `RateLimit` fields to tell the client. */
  spend(...subjects: Subject[]): Promise<Record<string, string>>
  /** The same as part of a transaction: what is rolled back was not spent. */
  within(tx: Tx): Limits
}

type PolicyStanding = Standing & { policy: Policy }

export type LimitSettings = { keyring: Keyring; budgets: Record<Policy, Budget[]> }

export const createLimits = (db: Queryable, settings: LimitSettings): Limits => {
  // The counters hold no address of a person or a machine.
  const keysOf = (value: string) => lookupKeys(settings.keyring, 'limit', value).map((key) => key.toString('base64url'))

  const ask = async (
    [policy, value]: Subject,
    question: (store: RateLimiterPostgres, key: string) => Promise<RateLimiterRes | null>,
  ): Promise<PolicyStanding[]> => {
    const standings: PolicyStanding[] = []
    const [newest = '', ...older] = keysOf(value)
    for (const budget of settings.budgets[policy]) {
      const name = `${policy}-${budget.seconds}s`
      const store = openStore(db, name, budget)
      const results = [await question(store, newest)]
      // A rotated SECRET_KEY gives nobody his budget anew.
      for (const key of older) results.push(await store.get(key))
      standings.push({ policy, name, budget, ...sumOf(results.filter((result) => result !== null)) })
    }
    return standings
  }

  return {
    check: async (...subjects) => {
      for (const subject of subjects) {
        const standings = await ask(subject, (store, key) => store.get(key))
        refuseOver(standings.filter(({ budget, spent }) => spent >= budget.max))
      }
    },
    spend: async (...subjects) => {
      const all: PolicyStanding[] = []
      for (const subject of subjects) {
        const standings = await ask(subject, (store, key) => store.consume(key).catch(unlessCounted))
        refuseOver(standings.filter(({ budget, spent }) => spent > budget.max))
        all.push(...standings)
      }
      return rateLimitFields(all)
    },
    within: (tx) => createLimits(tx, settings),
  }
}

const sumOf = (results: RateLimiterRes[]): Pick<Standing, 'spent' | 'msLeft'> => ({
  spent: results.reduce((sum, { consumedPoints }) => sum + consumedPoints, 0),
  msLeft: Math.max(0, ...results.map(({ msBeforeNext }) => msBeforeNext)),
})

/** The budgets of every policy. */
export const budgetsOf = (config: ApiConfig): Record<Policy, Budget[]> => ({
  'registrations-per-net': config.LIMIT_REGISTRATIONS_PER_NET,
  'wrong-codes-per-net': config.LIMIT_WRONG_CODES_PER_NET,
  'mails-per-mailbox': config.LIMIT_MAILS_PER_MAILBOX,
  'failed-logins-per-user': config.LIMIT_FAILED_LOGINS_PER_USER,
  // Of an account over all networks.
  'failed-logins-per-address': config.LIMIT_FAILED_LOGINS_PER_USER.map(({ max, seconds }) => ({
    max: 10 * max,
    seconds,
  })),
  'failed-logins-per-net': config.LIMIT_FAILED_LOGINS_PER_NET,
})

const openStore = (db: Queryable, name: string, budget: Budget): RateLimiterPostgres =>
  new RateLimiterPostgres({
    storeClient: withoutNames(db),
    storeType: 'pool',
    tableName: RATE_LIMITS_TABLE,
    tableCreated: true,
    clearExpiredByTimeout: false,
    keyPrefix: name,
    points: budget.max,
    duration: budget.seconds,
  })

/** The library names its statements, and behind a pooler the next one may reach a session that does not know the name. */
const withoutNames = (db: Queryable) => ({
  query: ({ text, values }: { text: string; values: unknown[] }) => db.query(text, values),
})

/** Of several used-up budgets the one that lasts longest tells when to come back. */
const refuseOver = (over: PolicyStanding[]): void => {
  const worst = over.toSorted((a, b) => b.msLeft - a.msLeft)[0]
  if (!worst) return
  const headers = { 'Retry-After': String(secondsLeft(worst)), ...rateLimitFields([worst]) }
  throw new RequestRefused('too-many-requests', { headers, limit: worst.policy })
}

/** A used-up budget is no error here; a store that cannot be asked is one. */
const unlessCounted = (rejection: unknown): RateLimiterRes => {
  if (rejection instanceof RateLimiterRes) return rejection
  throw rejection
}

/** The refusal of a request that comes too early for a rule that is no budget. */
export const tooEarly = (name: LimitName, waitSeconds: number, windowSeconds: number): RequestRefused =>
  new RequestRefused('too-many-requests', {
    limit: name,
    headers: {
      'Retry-After': String(waitSeconds),
      'RateLimit-Policy': `"${name}";q=1;w=${windowSeconds}`,
      RateLimit: `"${name}";r=0;t=${waitSeconds}`,
    },
  })
