/** A mail with the code that it brought last. Times are milliseconds since 1970. */
export type MailEntry = { id: string; userId: string; email: string; outcome: string | null; codeId: string }

export type CodeEntry = {
  id: string
  userId: string
  digits: number
  keyId: string
  expiresAt: number | null
  supersededAt: number | null
}

/** What PostgreSQL holds at the end. */
export type Ledger = { userIds: string[]; mails: MailEntry[]; codes: Map<string, CodeEntry> }

/** A `pg.Pool`, or whatever else answers statements. */
export type Database = { query<Row extends object>(statement: string): Promise<{ rows: Row[] }> }

export const readLedger = async (pool: Database): Promise<Ledger> => {
  const users = await pool.query<{ id: string }>('select id from users')
  const mails = await pool.query<MailEntry>(
    `select mails.id, users.email, mails.outcome,
       mails.user_id as "userId",
       mails.code_id as "codeId"
     from mails
     join users on users.id = mails.user_id`,
  )
  const codes = await pool.query<CodeEntry>(
    `select id, digits,
       user_id as "userId",
       key_id as "keyId",
       (extract(epoch from expires_at) * 1000)::float8 as "expiresAt",
       (extract(epoch from superseded_at) * 1000)::float8 as "supersededAt"
     from codes`,
  )
  return {
    userIds: users.rows.map((user) => user.id),
    mails: mails.rows,
    codes: new Map(codes.rows.map((code) => [code.id, code])),
  }
}

export const countUnsettled = async (pool: Database): Promise<number> => {
  const found = await pool.query<{ count: number }>(
    'select count(*)::integer as count from mails where settled_at is null',
  )
  return found.rows[0]?.count ?? 0
}
