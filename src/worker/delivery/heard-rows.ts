import { announcedRows } from '../../core/postgres/announced-rows.ts'
import { type OfferedRow, priorityAfter } from '../../core/postgres/outbox/outbox-rows.ts'
import { FIRST_PAUSE_MS, type WakeUp } from './wake-up.ts'

/**
 * Whether it is this worker of all that does what one has to do; and, once it has been told so, the priority of a row that was made at this
 * time of `performance.now()`.
 */
export type Duty = { isOurs: boolean; priority: { of: number; atMs: number } | null }

/** The rows that were offered by name a short time ago: one that is not claimed yet is among what a look finds. */
export type NamedRows = {
  add(rows: OfferedRow[]): void
  has(id: string): boolean
  /** To be called with each sweep, which marks what is not claimed: keeps those since the sweep before. */
  forgetOld(): void
}

export type HeardRows = {
  /** To be called with the payload of each notification. */
  hear(payload: string): void
  /** The rows that can be offered as they are; null when rows have to be looked for. */
  take(): OfferedRow[] | null
}

/**
 * Gathers what notifications say. Of all workers, who hear the same, one takes the rows that they name as they are; the others look, some
 * milliseconds later, whether a job has claimed them. Up to `most`, as a look takes as many at once.
 */
export const createHeardRows = (duty: Duty, wakeUp: WakeUp, most: number): HeardRows => {
  let heard: OfferedRow[] | null = []

  const offered = (payload: string): { isForOthers: boolean; rows: OfferedRow[] | null } => {
    const named = announcedRows(payload)
    if (!named || !duty.isOurs || !duty.priority) return { isForOthers: named !== null && !duty.isOurs, rows: null }
    const priority = priorityAfter(duty.priority.of, (performance.now() - duty.priority.atMs) / 1000)
    return { isForOthers: false, rows: named.map((row) => ({ ...row, priority, offers: 1, delayMs: 0 })) }
  }

  return {
    hear: (payload) => {
      const { rows, isForOthers } = offered(payload)
      heard = rows && heard && heard.length + rows.length <= most ? [...heard, ...rows] : null
      wakeUp.notify(isForOthers ? FIRST_PAUSE_MS : 0)
    },
    take: () => {
      const taken = heard
      heard = []
      return taken
    },
  }
}

export const createNamedRows = (): NamedRows => {
  let [older, newer] = [new Set<string>(), new Set<string>()]
  return {
    add: (rows) => rows.forEach(({ id }) => void newer.add(id)),
    has: (id) => newer.has(id) || older.has(id),
    forgetOld: () => {
      older = newer
      newer = new Set()
    },
  }
}
