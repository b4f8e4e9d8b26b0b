import { rowOf } from '../connection/row-of.ts'
import type { Tx } from '../transaction.ts'

// Of the table codes: what a guess reads and counts, and how a resend ends a code. A code is made in new-codes.ts; its minute is started
// with the mail's claim (outbox/mail-claims.ts) or in code-minute.ts, and moved to the mail's acceptance, or ended, with the mail in
// outbox/mail-outcomes.ts; a bounce ends it in outbox/provider-reports.ts.

export type CodeRow = {
  id: string
  digits: number
  keyId: string
  attempts: number
  isOpen: boolean
  isExpired: boolean
  isCurrent: boolean
  sentAt: Date | null
}

/** SQL for whether somebody may have a code, beside its mail: one that is held back bounces when the notice before it did, and not sooner. */
export const OPEN = '(codes.opened_at is not null and coalesce(mails.bounced_at > now(), true))'

/** SQL for whether a code that is found otherwise, as by its id, is the current one; not so that the index of all current ones is gone through. */
export const CURRENT = "coalesce(codes.superseded_at, 'infinity') = 'infinity'"

/**
 * All codes of a registration that somebody may have had, and the current one; newest first. Who complained of a mail has its code, and
 * one that is said to have bounced may have come.
 */
export const listCodes = async (tx: Tx, userId: string): Promise<CodeRow[]> => {
  const codes = await tx.query<CodeRow>(
    `select codes.id, digits, codes.attempts,
       key_id as "keyId",
       ${OPEN} as "isOpen",
       coalesce(expires_at <= clock_timestamp(), false) as "isExpired",
       superseded_at is null as "isCurrent",
       sent_at as "sentAt"
     from codes
     left join mails on mails.code_id = codes.id
     where codes.user_id = $1 and (superseded_at is null or ${OPEN} or mails.bounced_at is not null)
     order by codes.created_at desc`,
    [userId],
  )
  return codes.rows
}

/** Returns how many attempts the code has now spent. */
export const countAttempt = async (tx: Tx, id: string): Promise<number> => {
  const counted = await tx.query<{ attempts: number }>(
    'update codes set attempts = attempts + 1 where id = $1 returning attempts',
    [id],
  )
  return rowOf(counted.rows).attempts
}

export const supersedeCode = async (tx: Tx, userId: string): Promise<void> => {
  await tx.query('update codes set superseded_at = now() where user_id = $1 and superseded_at is null', [userId])
}
