import { percentile } from '../percentile.ts'
import type { Request } from '../soak/provider.ts'
import { SLOW_MS } from '../soak/provider-answers.ts'
import { readTakes } from '../soak/takes.ts'

const LIMIT_MS = 5000

export type Books = {
  /** When the 202 came, by address. */
  people: Map<string, number>
  first: Request[]
  second: Request[]
  /** The codes that no newer one has killed. */
  living: Set<string>
  since: number
  /** Whether most must have been accepted within five seconds. */
  isLimited: boolean
}

/** What became of the people of an outage, and what of it is wrong. */
export const describeCase = (books: Books): { text: string; wrong: string[] } => {
  const { people, first, second, living, since, isLimited } = books
  const requests = [...first, ...second].filter(({ at }) => at >= since).toSorted((a, b) => a.at - b.at)
  const takes = readTakes(requests)
  const accepted = new Map<string, number>()
  for (const { to, key, mood, at } of requests) {
    const acceptedAt = mood === 'well' ? at : mood === 'slow' ? at + SLOW_MS : Number.POSITIVE_INFINITY
    if (living.has(key)) accepted.set(to, Math.min(acceptedAt, accepted.get(to) ?? Number.POSITIVE_INFINITY))
  }
  const waitOf = ([email, at]: [string, number]) => Math.max(0, (accepted.get(email) ?? Number.POSITIVE_INFINITY) - at)
  const waits = [...people].map(waitOf)
  const lost = waits.filter((wait) => !Number.isFinite(wait)).length
  const livingOf = (email: string) => (takes.byAddress.get(email) ?? []).filter(({ key }) => living.has(key))
  const twice = [...people.keys()].filter((email) => livingOf(email).length > 1).length
  const [p50, p95, max] = [0.5, 0.95, 1].map((share) => percentile(waits, share))
  const seconds = (ms = 0) => `${(ms / 1000).toFixed(2)} s`
  const bySecond = new Set(second.filter(({ at }) => at >= since).map(({ to }) => to)).size
  return {
    text: `${people.size} people, ${bySecond} by the second; lost ${lost}, two living codes ${twice}; registration to acceptance p50 ${seconds(p50)}, p95 ${seconds(p95)}, max ${seconds(max)}`,
    wrong: [
      ...takes.wrongs,
      ...(lost > 0 ? [`${lost} people have no code that lives`] : []),
      ...(twice > 0 ? [`${twice} people have two codes that live`] : []),
      ...(isLimited && (p95 ?? 0) > LIMIT_MS ? ['p95 is over 5 s'] : []),
    ],
  }
}
