import { mailboxOf } from '../../src/core/credentials/email-address.ts'
import { lookupKeys } from '../../src/core/credentials/keyring.ts'
import type { TestDatabase } from '../support/database.ts'
import { keyring } from './fixtures.ts'

/** Counts wrong guesses at the mailbox of this address. */
export const addGuesses = async (
  { pool }: TestDatabase,
  email: string,
  count: number,
  secondsAgo = 0,
): Promise<void> => {
  const [key] = lookupKeys(keyring, 'mailbox', mailboxOf(email))
  await pool.query(
    `insert into guesses (mailbox_key, at)
     select $1, clock_timestamp() - make_interval(secs => $3)
     from generate_series(1, $2)`,
    [key, count, secondsAgo],
  )
}
