import { RateLimiterPostgres, RateLimiterRes } from 'rate-limiter-flexible'
import type { Budget } from '../core/config.ts'
import type { Pool } from '../core/postgres/pool.ts'
import { RATE_LIMITS_TABLE } from '../core/postgres/rate-limits.ts'
import { type Keyring, lookupKeys } from '../core/registration/keyring.ts'
import type { ApiConfig } from './config.ts'
import { RequestRefused } from './problems.ts'

export type Policy =
  | 'registrations-per-net'
  | 'wrong-codes-per-net'
  | 'mails-per-mailbox'
  | 'failed-logins-per-user'
  | 'failed-logins-per-net'

/** A policy and whom it counts: an address, a network, a registration. */
export type Subject = readonly [Policy, string]

/**
 * Budgets kept in PostgreSQL. All reject with a `too-many-requests` problem when a budget is used up, and with the
 * database's error when it cannot be asked: what cannot be counted is not done.
 */
export type Limits = {
  /** Refuses when nothing is left, without spending. */
  check(...subjects: Subject[]): Promise<void>
  /** Spends one, and refuses when that was one too many. Resolves with the `RateLimit` fields to tell the client. */
  spend(subject: Subject): Promise<Record<string, string>>
  /** Spends one each and never refuses: for what has happened already. */
  count(...subjects: Subject[]): Promise<void>
}

type Limiter = { name: string; budget: Budget; store: RateLimiterPostgres }

export const createLimits = (pool: Pool, keyring: Keyring, config: ApiConfig): Limits => {
  const limiters = {
    'registrations-per-net': createLimiters(pool, 'registrations-per-net', config.LIMIT_REGISTRATIONS_PER_NET),
    'wrong-codes-per-net': createLimiters(pool, 'wrong-codes-per-net', config.LIMIT_WRONG_CODES_PER_NET),
    'mails-per-mailbox': createLimiters(pool, 'mails-per-mailbox', config.LIMIT_MAILS_PER_MAILBOX),
    'failed-logins-per-user': createLimiters(pool, 'failed-logins-per-user', config.LIMIT_FAILED_LOGINS_PER_USER),
    'failed-logins-per-net': createLimiters(pool, 'failed-logins-per-net', config.LIMIT_FAILED_LOGINS_PER_NET),
  } satisfies Record<Policy, Limiter[]>
  // The counters hold no address of a person or a machine.
  const keyOf = (value: string) => lookupKeys(keyring, 'limit', value)[0].toString('base64url')
  const consume = (limiter: Limiter, key: string) => limiter.store.consume(key).catch(unlessCounted)

  return {
    check: async (...subjects) => {
      for (const [policy, value] of subjects) {
        for (const limiter of limiters[policy]) {
          const standing = await limiter.store.get(keyOf(value))
          if (standing && standing.consumedPoints >= limiter.budget.max) throw refusal(limiter, standing)
        }
      }
    },
    spend: async ([policy, value]) => {
      const standings = await Promise.all(
        limiters[policy].map(async (limiter) => ({ limiter, standing: await consume(limiter, keyOf(value)) })),
      )
      const over = standings.filter(({ limiter, standing }) => standing.consumedPoints > limiter.budget.max)
      const worst = over.toSorted((a, b) => b.standing.msBeforeNext - a.standing.msBeforeNext)[0]
      if (worst) throw refusal(worst.limiter, worst.standing)
      return fieldsOf(standings)
    },
    count: async (...subjects) => {
      await Promise.all(
        subjects.flatMap(([policy, value]) => limiters[policy].map((limiter) => consume(limiter, keyOf(value)))),
      )
    },
  }
}

const createLimiters = (pool: Pool, policy: Policy, budgets: Budget[]): Limiter[] =>
  budgets.map((budget) => {
    const name = `${policy}-${budget.seconds}s`
    const store = new RateLimiterPostgres({
      storeClient: pool,
      storeType: 'pool',
      tableName: RATE_LIMITS_TABLE,
      tableCreated: true,
      clearExpiredByTimeout: false,
      keyPrefix: name,
      points: budget.max,
      duration: budget.seconds,
    })
    return { name, budget, store }
  })

/** A used-up budget is no error here; a store that cannot be asked is one. */
const unlessCounted = (rejection: unknown): RateLimiterRes => {
  if (rejection instanceof RateLimiterRes) return rejection
  throw rejection
}

const secondsUntil = (standing: RateLimiterRes): number => Math.max(1, Math.ceil(standing.msBeforeNext / 1000))

const refusal = (limiter: Limiter, standing: RateLimiterRes): RequestRefused =>
  new RequestRefused('too-many-requests', {
    headers: { 'Retry-After': String(secondsUntil(standing)), ...fieldsOf([{ limiter, standing }]) },
  })

/** The fields of draft-ietf-httpapi-ratelimit-headers-10. */
const fieldsOf = (standings: { limiter: Limiter; standing: RateLimiterRes }[]): Record<string, string> => {
  if (standings.length === 0) return {}
  return {
    'RateLimit-Policy': standings
      .map(({ limiter: { name, budget } }) => `"${name}";q=${budget.max};w=${budget.seconds}`)
      .join(', '),
    RateLimit: standings
      .map(
        ({ limiter, standing }) =>
          `"${limiter.name}";r=${Math.max(0, standing.remainingPoints)};t=${secondsUntil(standing)}`,
      )
      .join(', '),
  }
}

/** The refusal of a request that comes too early for a rule that is no budget. */
export const tooEarly = (name: string, waitSeconds: number, windowSeconds: number): RequestRefused =>
  new RequestRefused('too-many-requests', {
    headers: {
      'Retry-After': String(waitSeconds),
      'RateLimit-Policy': `"${name}";q=1;w=${windowSeconds}`,
      RateLimit: `"${name}";r=0;t=${waitSeconds}`,
    },
  })
