import type { Mailer } from '../mailer.ts'
import type { Circuit } from './circuit.ts'
import type { ProviderHealth } from './provider-health.ts'

/** A mail provider, with all that this process knows of it. */
export type MailProvider = { name: string; mailer: Mailer; circuit: Circuit; health: ProviderHealth }

/** The first, and the second where there is one. */
export type MailProviders = readonly [MailProvider, MailProvider?]

/**
 * Who may have a mail with a code that can be repeated, as its try was never answered; 'not-first' when the first never answered about
 * a code that cannot be repeated any more.
 */
export type Holder = 'nobody' | 'first' | 'second' | 'not-first'

type Gate = 'open' | 'shut'
type Route = 'first' | 'second' | 'wait'

/**
 * Where a mail goes, by who may have it, and by whether the first and the second may be tried now. Nobody has it: the first that may be
 * tried. Somebody may have it: it stays there, so that nobody gets two mails with different living codes. The first had its time: the
 * second is better, and the mail is no probe again.
 */
export const ROUTES = {
  nobody: { open: { open: 'first', shut: 'first' }, shut: { open: 'second', shut: 'wait' } },
  first: { open: { open: 'first', shut: 'first' }, shut: { open: 'wait', shut: 'wait' } },
  'not-first': { open: { open: 'second', shut: 'first' }, shut: { open: 'second', shut: 'wait' } },
  second: { open: { open: 'second', shut: 'wait' }, shut: { open: 'second', shut: 'wait' } },
} as const satisfies Record<Holder, Record<Gate, Record<Gate, Route>>>

/** What follows a try that failed, by how it failed and whether an earlier try may have been taken. */
export const AFTERWARDS = {
  'clear-no': { 'nobody-has-it': 'the-other-at-once', 'somebody-may-have-it': 'later' },
  silence: { 'nobody-has-it': 'later', 'somebody-may-have-it': 'later' },
  'key-unusable': { 'nobody-has-it': 'later', 'somebody-may-have-it': 'later' },
} as const

/** The provider that a mail goes to; null when it has to wait. `open` are those that may be tried now. */
export const chooseProvider = (
  [first, second]: MailProviders,
  open: readonly MailProvider[],
  holder: Holder,
): MailProvider | null => {
  const gate = (provider: MailProvider | undefined): Gate => (provider && open.includes(provider) ? 'open' : 'shut')
  const route = ROUTES[holder][gate(first)][gate(second)]
  return route === 'wait' ? null : route === 'first' ? first : (second ?? null)
}

/**
 * Which providers a mail may be tried with now, or the milliseconds after which one may be. The second is asked only when the first
 * says no, so that no probe of it is used up for nothing; or when the first is quiet, as who is not answered there must wait there.
 */
export const openProviders = ([first, second]: MailProviders): { open: MailProvider[] } | { waitMs: number } => {
  if (second?.circuit.isWell() && first.circuit.isQuiet()) return { open: [second] }
  const firstWaitMs = first.circuit.enter()
  if (firstWaitMs === 0) return { open: second?.circuit.isWell() ? [first, second] : [first] }
  const secondWaitMs = second?.circuit.enter() ?? Number.POSITIVE_INFINITY
  return second && secondWaitMs === 0 ? { open: [second] } : { waitMs: Math.min(firstWaitMs, secondWaitMs) }
}
