import type { RowTrace } from '../../core/postgres/outbox/traces.ts'
import type { JobTrace } from './job-trace.ts'

export type Happening = { at: Date | null; text: string }

/** What a kind adds to the trace of its row; each is a piece of a sentence. */
export type TraceWords = {
  head: string[]
  happenings: Happening[]
  /** How it ended, and what holds since then; of a row that has not ended nobody asks. */
  outcome: string
  standing: string
  /** Whom it is for, and all that wait for him. */
  taker: string
  all: string
}

/** One row's trace for the person on call: what happened when, and what holds now. */
export const describeTrace = (row: RowTrace, job: JobTrace | 'unreachable', words: TraceWords): string => {
  const traceId = /"00-([0-9a-f]{32})-/.exec(row.traceContext ?? '')?.[1]
  const [first, ...more] = words.head
  return [
    first,
    `  ${[...more, ...(traceId ? [`trace ${traceId}`] : [])].join(', ')}`,
    ...momentsOf(row, linesOf(job), words).map(({ at, text }) => `  ${at}  ${text}`),
    `  ${row.now.toISOString()}  now: ${row.outcome ? words.standing : waitingOf(row, job, words)}`,
    '',
  ].join('\n')
}

/** To be said of what an operator may start over. */
export const NOTHING_MORE = 'nothing is tried any more; when the cause is removed, retry the job in the dashboard'

const linesOf = (job: JobTrace | 'unreachable'): string[] => (job === null || job === 'unreachable' ? [] : job.lines)

type Moment = { at: string; text: string }

const momentsOf = (row: RowTrace, lines: string[], { happenings, outcome }: TraceWords): Moment[] => {
  const tries = lines.map(readLine)
  const untold = row.attempts - tries.length
  const [begin, ...others] = happenings
  const offered = `offered to the queue${row.offers > 1 ? `, the last of ${row.offers} times` : ''}`
  const moments = [
    ...(begin ? [begin] : []),
    { at: row.offeredAt, text: offered },
    { at: row.settledAt, text: outcome },
    ...others,
  ].flatMap(({ at, text }) => (at ? [{ at: notBefore(begin?.at, at).toISOString(), text }] : []))
  const rest = untold > 0 ? [{ at: ' '.repeat(24), text: triesUntold(row, untold) }] : []
  return [...[...moments, ...tries].toSorted((a, b) => a.at.localeCompare(b.at)), ...rest]
}

/** A statement that began just before the row was there may have taken it: it keeps the time of its beginning. */
const notBefore = (first: Date | null | undefined, at: Date): Date => (first && first > at ? first : at)

const triesUntold = (row: RowTrace, count: number): string =>
  `${count} ${count === 1 ? 'try' : 'tries'} of which the queue tells nothing${row.lastError ? `; the last error was ${row.lastError}` : ''}`

/** A line of a job's log begins with its time and with what the head of the trace says already. */
const readLine = (line: string): Moment => {
  const [, at = '', text = line] = /^(\S+) (?:.*, (?=try \d))?(.*)$/.exec(line) ?? []
  return { at, text }
}

/** What one that has not ended waits for, until when, and what to do about it. */
const waitingOf = (row: RowTrace, job: JobTrace | 'unreachable', { taker, all }: TraceWords): string => {
  if (row.leaseUntil && row.leaseUntil > row.now)
    return `a worker has it in hand, until ${row.leaseUntil.toISOString()} at most`
  if (row.retryAt && row.retryAt > row.now) return `${taker} wants it later: not before ${row.retryAt.toISOString()}`
  // A job that was made of its announcement is there a moment before its row says so.
  if (row.offers === 0 && (job === null || job === 'unreachable'))
    return 'it waits for a relay to offer it to the queue: see whether a worker is running'
  if (job === 'unreachable')
    return 'the queue cannot be reached, so its part is missing here; it is offered again when it can'
  if (job === null) return 'the queue does not hold it; the relay offers it again within 40 seconds'
  if (job.pausedForMs > 0) return `${all} wait for ${taker}, for ${(job.pausedForMs / 1000).toFixed(1)} s more`
  return `its job is ${job.state}${nextTryOf(job.lines.at(-1) ?? '')}`
}

const nextTryOf = (lastLine: string): string => {
  const [, at, seconds] = /^(\S+) .*next try in ([\d.]+) s$/.exec(lastLine) ?? []
  return at === undefined
    ? ''
    : `, the next try is due at ${new Date(Date.parse(at) + Number(seconds) * 1000).toISOString()}`
}
