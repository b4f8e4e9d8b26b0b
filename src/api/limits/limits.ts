import type { SignIn } from '../../core/account/sign-in.ts'
import { type Keyring, lookupKeys } from '../../core/credentials/keyring.ts'
import type { Allowance, Counted } from '../../core/postgres/rate-limits.ts'
import type { Budget } from '../../core/process/config.ts'
import { RequestRefused } from '../answers/problems.ts'
import type { ApiConfig } from '../config.ts'
import { rateLimitFields, type Standing, secondsLeft } from './rate-limit-fields.ts'

const policies = [
  'registrations-per-net',
  'wrong-codes-per-net',
  'mails-per-mailbox',
  'mails-per-mailbox-and-net',
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

/** Half of what a mailbox gets is what one network may cause, so that no stranger uses up what its owner needs. */
export const mailsOf = (mailbox: string, network: string): Subject[] => [
  ['mails-per-mailbox-and-net', `${mailbox} ${network}`],
  ['mails-per-mailbox', mailbox],
]

/** What a wrong password of a registration spends. */
export const failedLogins = ({ of }: Limits, userId: string, network: string): Allowance =>
  of(['failed-logins-per-user', userId], ['failed-logins-per-net', network])

/** What a wrong password of an address spends. */
export const failedSignIns = ({ of }: Limits, address: string, network: string): SignIn['logins'] => {
  const here: Subject[] = [
    ['failed-logins-per-user', `${address} ${network}`],
    ['failed-logins-per-net', network],
  ]
  return { fromKnownNetwork: of(...here), fromAnywhere: of(...here, ['failed-logins-per-address', address]) }
}

/** An allowance whose refusals are `too-many-requests`, of the first subject that has nothing left. */
export type Limit = Allowance & {
  /** The `RateLimit` fields of the first subject: the client is told of its own budget, not of what others share with it. */
  fieldsOf(counted: Counted[]): Record<string, string>
}

/** Budgets that are kept in PostgreSQL: what cannot be counted is not done. */
export type Limits = { of(...subjects: Subject[]): Limit }

/** A subject's budget and its counters: one of each secret, the newest first. */
type Counters = { policy: Policy; name: string; budget: Budget; keys: [string, ...string[]] }

export type LimitSettings = { keyring: Keyring; budgets: Record<Policy, Budget[]> }

export const createLimits = (settings: LimitSettings): Limits => ({
  of: (...subjects) => {
    const counters = countersOf(settings, subjects)
    const standingsOf = (counted: Counted[]) => counters.map(standingOf(counted))
    return {
      counters: counters.map(({ keys, budget }) => ({ key: keys[0], seconds: budget.seconds })),
      // A rotated SECRET_KEY gives nobody his budget anew.
      older: counters.flatMap(({ keys: [, ...older] }) => older),
      refuseUsedUp: (looked) => refuseOver(standingsOf(looked).filter(({ budget, spent }) => spent >= budget.max)),
      refuseOverspent: (counted) => refuseOver(standingsOf(counted).filter(({ budget, spent }) => spent > budget.max)),
      maximaOf: (looked) => counters.map(({ keys: [, ...older], budget }) => budget.max - spentUnder(older, looked)),
      fieldsOf: (counted) => rateLimitFields(standingsOf(counted).filter(({ policy }) => policy === subjects[0]?.[0])),
    }
  },
})

const countersOf = ({ keyring, budgets }: LimitSettings, subjects: Subject[]): Counters[] =>
  subjects.flatMap(([policy, value]) => {
    // The counters hold no address of a person or a machine.
    const [newest, ...older] = lookupKeys(keyring, 'limit', value)
    return budgets[policy].map((budget) => {
      const name = `${policy}-${budget.seconds}s`
      const keyOf = (key: Buffer) => `${name}:${key.toString('base64url')}`
      return { policy, name, budget, keys: [keyOf(newest), ...older.map(keyOf)] }
    })
  })

const spentUnder = (keys: string[], counted: Counted[]): number =>
  counted.reduce((sum, { key, spent }) => (keys.includes(key) ? sum + spent : sum), 0)

type PolicyStanding = Standing & { policy: Policy }

const standingOf =
  (counted: Counted[]) =>
  ({ keys, ...counters }: Counters): PolicyStanding => {
    const own = counted.filter(({ key }) => keys.includes(key))
    return {
      ...counters,
      spent: spentUnder(keys, counted),
      msLeft: Math.max(0, ...own.map(({ msLeft }) => msLeft)),
    }
  }

/** The budgets of every policy. */
export const budgetsOf = (config: ApiConfig): Record<Policy, Budget[]> => ({
  'registrations-per-net': config.LIMIT_REGISTRATIONS_PER_NET,
  'wrong-codes-per-net': config.LIMIT_WRONG_CODES_PER_NET,
  'mails-per-mailbox': config.LIMIT_MAILS_PER_MAILBOX,
  'mails-per-mailbox-and-net': config.LIMIT_MAILS_PER_MAILBOX.map(({ max, seconds }) => ({
    max: Math.ceil(max / 2),
    seconds,
  })),
  'failed-logins-per-user': config.LIMIT_FAILED_LOGINS_PER_USER,
  // Of an account over all networks.
  'failed-logins-per-address': config.LIMIT_FAILED_LOGINS_PER_USER.map(({ max, seconds }) => ({
    max: 10 * max,
    seconds,
  })),
  'failed-logins-per-net': config.LIMIT_FAILED_LOGINS_PER_NET,
})

/** Of several used-up budgets of a subject the one that lasts longest tells when to come back. */
const refuseOver = (over: PolicyStanding[]): void => {
  const worst = over.filter(({ policy }) => policy === over[0]?.policy).toSorted((a, b) => b.msLeft - a.msLeft)[0]
  if (!worst) return
  const headers = { 'Retry-After': String(secondsLeft(worst)), ...rateLimitFields([worst]) }
  throw new RequestRefused('too-many-requests', { headers, limit: worst.policy })
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
