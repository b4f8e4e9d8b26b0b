import { type MeasuredSurge, readGuessing } from '../postgres/guesses.ts'
import type { Queryable } from '../postgres/transaction.ts'
import type { Logger } from '../process/logger.ts'

// From so many on counting costs more than a second's delay does.
const MANY_WRONG_CODES = 1000
const KEEP_MS = 1000

/** Tells whether somebody guesses at codes all over the service, so that new ones must be long. */
export type GuessSurge = {
  isOn(db: Queryable): Promise<boolean>
  /** What is known without a look; null when it has to be measured. */
  known(): boolean | null
  /** Takes what a statement has measured on its way. */
  note(measured: MeasuredSurge): void
}

/**
 * A surge is on while the wrong codes of the last hour are more than 50 and more than a fifth of all that were compared. The
 * log tells when it begins and when it ends. `now` is monotonic, in milliseconds.
 */
export const createGuessSurge = (logger: Logger, now: () => number = () => performance.now()): GuessSurge => {
  let wasOn = false
  let keepUntil = 0

  const known = () => (now() < keepUntil ? wasOn : null)

  const note = ({ wrongCodes, isSurge }: MeasuredSurge): void => {
    if (wrongCodes === null) return
    if (wrongCodes >= MANY_WRONG_CODES) keepUntil = now() + KEEP_MS
    if (isSurge !== wasOn) tell(logger, isSurge)
    wasOn = isSurge
  }

  return {
    known,
    note,
    isOn: async (db) => {
      const isOn = known()
      if (isOn !== null) return isOn
      const measured = await readGuessing(db, { mailboxKeys: [], budgets: [], isSurge: null })
      note(measured)
      return measured.isSurge
    },
  }
}

const tell = (logger: Logger, isOn: boolean): void => {
  if (isOn) logger.warn('surge of wrong codes: all new codes have 8 digits')
  else logger.info('surge of wrong codes over: new codes have 4 digits again')
}
