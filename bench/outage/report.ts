import type { Request } from '../soak/provider.ts'
import { readTakes } from '../soak/takes.ts'
import type { Newcomer } from './newcomers.ts'
import { countPerWindow, mostWithin } from './rates.ts'

const WINDOW_MS = 10_000
const NEWCOMER_LIMIT_MS = 5000
// What the limit lets out together arrives apart: the network and a busy machine blur the edges of its window.
const RATE_SLACK = 1.1

export type Drain = {
  requests: Request[]
  mendedAt: number
  drainedAt: number
  /** Who registered in the drain, and who had registered in the outage. */
  newcomers: Newcomer[]
  patients: Newcomer[]
  ratePerSecond: number
  mails: number
}

/** Requests per second, in windows, while the provider is dead. */
export const describeOutage = (requests: Request[], from: number, to: number): string => {
  const times = requests.map((request) => request.at)
  const rates = countPerWindow(times, from, to, WINDOW_MS).map((count) => ((count * 1000) / WINDOW_MS).toFixed(1))
  return `  outage of ${Math.round((to - from) / 1000)} s: ${times.length} requests; per second, in windows of 10 s: ${rates.join(' ')}; most in any second ${mostWithin(times, 1000)}\n`
}

/** How it was drained, and what of it is wrong. */
export const describeDrain = (drain: Drain): { text: string; wrongs: string[] } => {
  const { requests, mendedAt, drainedAt, ratePerSecond } = drain
  const waits = waitsOf(drain.newcomers, 0)
  const waitsOfPatients = waitsOf(drain.patients, mendedAt)
  const takes = readTakes(requests)
  const addresses = [...takes.byAddress]
  const lost = drain.mails - addresses.filter(([to]) => to.startsWith('waiting')).length
  const twice = addresses.filter(([, list]) => list.length > 1).map(([to]) => to)
  const times = requests.map((request) => request.at)
  const perSecond = countPerWindow(times, mendedAt, drainedAt, 1000)
  const [most, anySecond] = [Math.max(...perSecond), mostWithin(times, 1000)]
  const first = (times[0] ?? mendedAt) - mendedAt
  const lines = [
    `drained ${drain.mails} mails in ${((drainedAt - mendedAt) / 1000).toFixed(1)} s, the first after ${(first / 1000).toFixed(1)} s; most requests in a second of the clock ${most}, in any second ${anySecond}, with ${ratePerSecond} allowed`,
    `lost ${lost}, twice ${twice.length}, copies dropped by key ${[...takes.byKey.values()].reduce((sum, take) => sum + take.copies, 0)}`,
    `registered during the drain: ${describe(waits)}`,
    `registered during the outage, counted from its end: ${describe(waitsOfPatients)}`,
  ]
  const wrongs = [
    ...takes.wrongs,
    ...(lost > 0 ? [`${lost} mails are lost`] : []),
    ...twice.map((to) => `${to} got two mails`),
    ...((waits.at(-1) ?? 0) > NEWCOMER_LIMIT_MS ? ['a newcomer waited too long'] : []),
    ...(most > 2 * ratePerSecond || requests.length / ((drainedAt - mendedAt) / 1000) > ratePerSecond * RATE_SLACK
      ? ['the rate was not kept']
      : []),
  ]
  return { text: lines.map((line) => `  ${line}\n`).join(''), wrongs }
}

/** How many ms each waited since the 202, or since `from` when that was later; sorted. */
const waitsOf = (people: Newcomer[], from: number): number[] =>
  people.map(({ answeredAt, takenAt }) => Math.max(0, takenAt - Math.max(answeredAt, from))).toSorted((a, b) => a - b)

const describe = (sorted: number[]): string => {
  const at = (share: number) => ((sorted[Math.floor(share * (sorted.length - 1))] ?? 0) / 1000).toFixed(2)
  return `${sorted.length} people, median ${at(0.5)} s, p95 ${at(0.95)} s, worst ${at(1)} s`
}
