import { reviveFailedMails, reviveMail } from '../../core/postgres/outbox/revivals.ts'
import type { Pool } from '../../core/postgres/pool.ts'
import { type Revival, reviveRows } from '../queue/revival.ts'

/** An operator's retry of mails. */
export const reviveMails = (pool: Pool): Revival => reviveRows(pool, { one: reviveMail, some: reviveFailedMails })
