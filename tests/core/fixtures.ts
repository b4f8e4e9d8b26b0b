import { randomUUID } from 'node:crypto'
import { expect } from 'vitest'
import { createKeyring } from '../../src/core/credentials/keyring.ts'
import { createVerifiedCredentials } from '../../src/core/credentials/verified-credentials.ts'
import { deliverMail } from '../../src/core/mail/deliver-mail.ts'
import type { DeliverTools, Delivery } from '../../src/core/mail/delivery.ts'
import { type Mailer, MailerUnavailable, MailRefused, type OutgoingMail } from '../../src/core/mail/mailer.ts'
import { insertRegistration } from '../../src/core/postgres/codes/new-codes.ts'
import { spendingOf, UNLIMITED } from '../../src/core/postgres/rate-limits.ts'
import { transaction } from '../../src/core/postgres/transaction.ts'
import type { Credentials } from '../../src/core/postgres/users.ts'
import { type Activated, activate } from '../../src/core/registration/activate.ts'
import { deriveCode } from '../../src/core/registration/activation-code.ts'
import { createGuessSurge } from '../../src/core/registration/guess-surge.ts'
import { newCode } from '../../src/core/registration/new-code.ts'
import { createPublicRef } from '../../src/core/registration/public-ref.ts'
import { silent, type TestDatabase } from '../support/database.ts'
import { POLICY } from '../support/delivery.ts'
import { SECRET_KEY } from '../support/secret-key.ts'

export const keyring = createKeyring([SECRET_KEY])

/** What the use cases of registration need; the cool-down is off unless a test is about it. */
export const useCaseTools = (database: TestDatabase) => ({
  pool: database.pool,
  keyring,
  policy: { ...POLICY, resendCooldownSeconds: 0 },
  surge: createGuessSurge(silent),
  verified: createVerifiedCredentials(),
  raisesEvents: true,
})

export type Pending = { user: Credentials; mailId: string; codeId: string; ref: string }

/** A registration as `register` leaves it, without the time that hashing takes. */
export const addPending = async (database: TestDatabase, email = `${randomUUID()}@example.com`): Promise<Pending> => {
  const user = { id: randomUUID(), email, passwordHash: randomUUID() }
  const ref = createPublicRef()
  await transaction(database.pool, async (tx) => {
    const row = { ...user, ref, locale: 'en', metadata: '{}', idempotencyKey: null, idempotencyDigest: null }
    const code = newCode(useCaseTools(database), { email, requestId: 'a-request' })
    await insertRegistration(tx, { user: row, code, spending: spendingOf(UNLIMITED, []), cooldownSeconds: 0 })
  })
  const mail = await currentMail(database, user.id)
  return { user, ref, mailId: mail.id, codeId: mail.codeId }
}

/** An account: a registration that is active. */
export const addActive = async (database: TestDatabase, email?: string): Promise<Pending> => {
  const pending = await addPending(database, email)
  await setActive(database, pending.user.id)
  return pending
}

export const setActive = ({ pool }: TestDatabase, userId: string) =>
  pool.query('update users set activated_at = now() where id = $1', [userId])

const only = <Row>(rows: Row[]): Row => {
  const [row] = rows
  if (!row || rows.length > 1) throw new Error(`${rows.length} rows where one is expected`)
  return row
}

/** The mail of the registration's current code. */
export const currentMail = async ({ pool }: TestDatabase, userId: string) => {
  const found = await pool.query<{ id: string; codeId: string }>(
    `select mails.id, mails.code_id as "codeId"
     from mails
     join codes on codes.id = mails.code_id
     where mails.user_id = $1 and codes.superseded_at is null`,
    [userId],
  )
  return only(found.rows)
}

export const readMail = async ({ pool }: TestDatabase, id: string) => {
  const found = await pool.query<{
    outcome: string | null
    codeId: string
    attempts: number
    lastError: string | null
    providerId: string | null
    isLeased: boolean
    retryInSeconds: number | null
  }>(
    `select outcome, attempts, code_id as "codeId", last_error as "lastError", provider_id as "providerId",
       coalesce(lease_until > now(), false) and settled_at is null as "isLeased",
       extract(epoch from retry_at - clock_timestamp())::float8 as "retryInSeconds"
     from mails
     where id = $1`,
    [id],
  )
  return only(found.rows)
}

export const readCode = async ({ pool }: TestDatabase, id: string) => {
  const found = await pool.query<{
    isOpen: boolean
    isSent: boolean
    isCurrent: boolean
    attempts: number
    digits: number
    secondsLeft: number | null
  }>(
    `select attempts, digits, opened_at is not null as "isOpen", sent_at is not null as "isSent",
       superseded_at is null as "isCurrent",
       extract(epoch from expires_at - clock_timestamp())::float8 as "secondsLeft"
     from codes
     where id = $1`,
    [id],
  )
  return only(found.rows)
}

/** The digits that belong to a code, as only a test may know them. */
export const digitsOf = async (database: TestDatabase, codeId: string): Promise<string> => {
  const found = await database.pool.query<{ id: string; digits: number; keyId: string }>(
    'select id, digits, key_id as "keyId" from codes where id = $1',
    [codeId],
  )
  return deriveCode(keyring, only(found.rows)) ?? 'no key'
}

/** Digits that are not those. */
export const otherThan = (code: string): string =>
  String((Number(code) + 1) % 10 ** code.length).padStart(code.length, '0')

/** Lets so many seconds pass for one registration: all its times move back. */
export const age = async ({ pool }: TestDatabase, userId: string, seconds: number): Promise<void> => {
  const tables = {
    users: ['created_at', 'activated_at', 'noticed_at'],
    codes: ['created_at', 'opened_at', 'expires_at', 'sent_at', 'superseded_at'],
    mails: ['created_at', 'failing_since', 'offered_at', 'next_offer_at', 'retry_at', 'lease_until', 'settled_at'],
  }
  for (const [table, columns] of Object.entries(tables)) {
    const moves = columns.map((column) => `${column} = ${column} - make_interval(secs => $2)`)
    await pool.query(`update ${table} set ${moves.join(', ')} where ${table === 'users' ? 'id' : 'user_id'} = $1`, [
      userId,
      seconds,
    ])
  }
}

/** Opens the current code as a delivery does, without one. */
export const openFor = ({ pool }: TestDatabase, codeId: string, seconds = 60) =>
  pool.query(
    `update codes
     set opened_at = clock_timestamp(), sent_at = clock_timestamp(), expires_at = clock_timestamp() + make_interval(secs => $2)
     where id = $1`,
    [codeId, seconds],
  )

export const accepted = { providerId: 'provider-id' }
export const refused = () => new MailRefused('provider-422')
export const clearNo = (retryAfterMs: number | null = null) =>
  new MailerUnavailable('provider-503', { isClearNo: true, retryAfterMs })
export const silence = () => new MailerUnavailable('provider-silent', { isClearNo: false })

type Step = typeof accepted | Error | ((mail: OutgoingMail) => Promise<typeof accepted>)

/** A provider that answers each call by the next step, and accepts when there is none left. */
export const scriptedMailer = (...steps: Step[]) => {
  const sent: { mail: OutgoingMail; key: string }[] = []
  const mailer: Mailer = {
    send: async (mail, { idempotencyKey }) => {
      sent.push({ mail, key: idempotencyKey })
      const step = steps.shift() ?? accepted
      if (step instanceof Error) throw step
      return typeof step === 'function' ? step(mail) : step
    },
    close: async () => {},
  }
  return { ...mailer, sent }
}

/** Tries once. */
export const deliver = (tools: DeliverTools, mailId: string): Promise<Delivery> =>
  deliverMail(tools, { mailId, signal: new AbortController().signal })

/** Somebody whose password was verified, and who may do as much as he likes. */
export const verified = (user: Credentials) => ({ user, logins: UNLIMITED })

export const attempt = (user: Credentials, typed: string) => ({ ...verified(user), typed, wrongCodes: UNLIMITED })

export const resending = (user: Credentials) => ({ ...verified(user), mails: UNLIMITED, requestId: 'again' })

export const type = async (database: TestDatabase, { user }: Pending, code: string): Promise<Activated> =>
  (await activate(useCaseTools(database), attempt(user, code))).activated

/** Expects a code that is open for about so many seconds more, with room for a slow machine. */
export const expectSecondsLeft = async (database: TestDatabase, codeId: string, seconds: number): Promise<void> => {
  const { secondsLeft } = await readCode(database, codeId)
  expect(secondsLeft).toBeLessThanOrEqual(seconds)
  expect(secondsLeft).toBeGreaterThan(seconds - 8)
}
