import type { Fault } from './chaos.ts'
import { describeDelays, measureDelays } from './delays.ts'
import type { Ledger } from './ledger.ts'
import type { Registration } from './people.ts'
import type { Provider } from './provider.ts'
import type { Takes } from './takes.ts'

type Run = {
  registered: Registration[]
  faults: Fault[]
  ledger: Ledger
  takes: Takes
  settledMs: number
  provider: Provider
}

/** What was done to the system and what came of it, for people. */
export const describeRun = ({ registered, faults, ledger, takes, settledMs, provider }: Run): string => {
  const kinds = Map.groupBy(faults, (fault) => fault.name)
  const delays = measureDelays(registered, takes, faults)
  const all = [...takes.byKey.values()]
  const seconds = [...takes.byAddress.values()].filter((list) => list.length > 1)
  const reasons = Map.groupBy(
    seconds.flatMap((list) => list.slice(0, -1)),
    (take) => take.mood,
  )
  const lines = [
    `registrations: ${registered.length} answered with 202, ${registered.filter((one) => one.tries > 1).length} after repeating; ${ledger.userIds.length} users stored`,
    `faults: ${faults.length} (${countsOf(kinds)})`,
    `mails: ${ledger.mails.filter((mail) => mail.outcome === 'accepted').length} accepted of ${ledger.mails.length}; ${provider.requests.length} requests, ${all.length} delivered, ${all.reduce((sum, take) => sum + take.copies, 0)} copies dropped by key`,
    `second mails with a fresh code: ${seconds.length} registrations (the first take was: ${countsOf(reasons) || 'none'})`,
    `from 202 to the first take, nothing broken:   ${describeDelays(delays.undisturbed)}`,
    `from 202 to the first take, something broken: ${describeDelays(delays.disturbed)}`,
    `of these, after the last fault was over:      ${describeDelays(delays.afterFault)}`,
    `everything settled ${(settledMs / 1000).toFixed(1)} s after the last fault`,
  ]
  return lines.map((line) => `  ${line}\n`).join('')
}

const countsOf = (groups: Map<string, unknown[]>): string =>
  [...groups]
    .map(([name, members]) => `${name} ${members.length}`)
    .toSorted()
    .join(', ')
