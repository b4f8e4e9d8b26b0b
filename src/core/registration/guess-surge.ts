import { countWrongCodes } from '../postgres/guesses.ts'
import type { Queryable } from '../postgres/pool.ts'
import { countActivations } from '../postgres/users.ts'
import type { Logger } from '../process/logger.ts'

// What honest people mistype in an hour: so many codes, or so large a share of all that are typed.
const HONEST_WRONG_CODES = 50
const HONEST_SHARE = 0.2
// From so many on counting costs more than a second's delay does.
const MANY_WRONG_CODES = 1000
const KEEP_MS = 1000

/** Tells whether somebody guesses at codes all over the service, so that new ones must be long. */
export type GuessSurge = { isOn(db: Queryable): Promise<boolean> }

/**
 * A surge is on while the wrong codes of the last hour are more than 50 and more than a fifth of all that were compared. The
 * log tells when it begins and when it ends.
 */
export const createGuessSurge = (logger: Logger, now: () => number = Date.now): GuessSurge => {
  let wasOn = false
  let keepUntil = 0

  const measure = async (db: Queryable): Promise<boolean> => {
    const wrong = await countWrongCodes(db)
    if (wrong <= HONEST_WRONG_CODES) return false
    const enough = Math.ceil(wrong / HONEST_SHARE - wrong)
    const isOn = (await countActivations(db, enough)) < enough
    if (wrong >= MANY_WRONG_CODES) keepUntil = now() + KEEP_MS
    return isOn
  }

  return {
    isOn: async (db) => {
      if (now() < keepUntil) return wasOn
      const isOn = await measure(db)
      if (isOn !== wasOn) tell(logger, isOn)
      wasOn = isOn
      return isOn
    },
  }
}

const tell = (logger: Logger, isOn: boolean): void => {
  if (isOn) logger.warn('far more wrong codes are typed than honest people type: all new codes have 8 digits')
  else logger.info('no more wrong codes are typed than honest people type: new codes have 4 digits again')
}
