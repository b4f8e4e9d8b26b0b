import { reviveFailedMails, reviveMail } from '../../core/postgres/outbox/mail-outcomes.ts'
import type { Pool } from '../../core/postgres/pool.ts'
import type { Revival } from '../operators/bull-board.ts'

const BATCH = 1000

/** An operator's retry of mails: it unsettles the rows themselves, in batches, whether the queue keeps their jobs or not. */
export const reviveMails = (pool: Pool): Revival => ({
  one: (id) => reviveMail(pool, id),
  all: async () => {
    for (let count = BATCH; count === BATCH; ) count = await reviveFailedMails(pool, BATCH)
  },
})
