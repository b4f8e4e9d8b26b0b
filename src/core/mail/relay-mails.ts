import { type OfferedMail, takeMailsToOffer } from '../postgres/mails.ts'
import { type Pool, transaction } from '../postgres/pool.ts'

export const RELAY_BATCH = 100

/**
 * Hands unsettled mails to the queue and returns how many. `offer` runs inside the transaction, against the rule, so that
 * a queue that refuses leaves the rows as if never offered; it must bear being given a mail again.
 */
export const relayMails = (pool: Pool, offer: (mails: OfferedMail[]) => Promise<void>): Promise<number> =>
  transaction(pool, async (tx) => {
    const mails = await takeMailsToOffer(tx, RELAY_BATCH)
    if (mails.length > 0) await offer(mails)
    return mails.length
  })
