import { MAILBOX_GUESSES } from './scenes.ts'
import type { Stage } from './stage.ts'

const MOST_ATTEMPTS = 3

type Question = { fault: string; sql: string }

/** What must hold of the rows when everything has come to rest; each question finds the rows that break it. */
const QUESTIONS: Question[] = [
  {
    fault: 'a registration has no code of its own, or several that live',
    sql: `select 1 from users where activated_at is null and (
            select count(*) from codes where codes.user_id = users.id and superseded_at is null) <> 1`,
  },
  {
    fault: 'an address has two accounts',
    sql: 'select email from users where activated_at is not null group by email having count(*) > 1',
  },
  { fault: 'a mail is lost: it never ended', sql: 'select 1 from mails where settled_at is null' },
  {
    fault: 'a registration waits for a mail that does not exist',
    sql: `select 1 from codes join users on users.id = codes.user_id
          where users.activated_at is null and superseded_at is null
            and not exists (select 1 from mails where mails.code_id = codes.id)`,
  },
  {
    fault: 'a mail was dropped although its code is the current one of a pending registration',
    sql: `select 1 from mails join codes on codes.id = mails.code_id join users on users.id = mails.user_id
          where mails.outcome = 'dropped' and codes.superseded_at is null and users.activated_at is null`,
  },
  {
    fault: 'an accepted mail has a code that was never open',
    sql: `select 1 from mails join codes on codes.id = mails.code_id
          where mails.outcome = 'accepted' and mails.bounced_at is null and codes.opened_at is null`,
  },
  {
    fault: 'an activation is told twice, or one that never was',
    sql: `select 1 from events left join users on users.id = events.user_id where type = 'user.activated'
          group by events.user_id having count(*) > 1 or bool_or(users.id is not null and users.activated_at is null)`,
  },
  {
    fault: 'an event that waits tells of somebody who is gone',
    sql: `select 1 from events where settled_at is null and data::text like '%@%'
          and not exists (select from users where users.id = events.user_id)`,
  },
  { fault: 'more attempts were spent than there are', sql: `select 1 from codes where attempts > ${MOST_ATTEMPTS}` },
]

/** The faults of rows and ledger together. After a crash a mail may go out again, under the same key: the provider drops it. */
export const faultsOf = async ({ database, ledger }: Stage, isAfterCrash = false): Promise<string[]> => {
  const faults: string[] = []
  for (const { fault, sql } of QUESTIONS) if ((await database.pool.query(sql)).rows.length > 0) faults.push(fault)
  if (ledger.sent.some(({ wasDead }) => wasDead)) faults.push('a mail left with a code that was dead already')
  const left = await database.pool.query('select 1 from users where id = any($1::uuid[])', [ledger.promised])
  if (left.rows.length < new Set(ledger.promised).size) faults.push('a registration that was promised a code is gone')
  const takenBy = (email: string): number => {
    const keys = ledger.sent.filter(({ to }) => to === email).map(({ key }) => key)
    return isAfterCrash ? new Set(keys).size : keys.length
  }
  const mails = await database.pool.query<{ email: string; count: number }>(
    'select email, count(*)::integer as count from mails join users on users.id = mails.user_id group by email',
  )
  for (const { email, count } of mails.rows) if (takenBy(email) > count) faults.push('a mail was taken twice')
  const isNew = ledger.answers.filter((answer) => answer === 'new').length
  const isKnown = ledger.answers.includes('known')
  if (isNew > 1 || (isKnown && isNew === 0)) faults.push(`${isNew} registrations were made under one key`)
  const activations = ledger.answers.filter((answer) => answer === 'activated').length
  const active = await database.pool.query('select 1 from users where activated_at is not null')
  if (activations > active.rows.length)
    faults.push(`${activations} were told that they are active, and ${active.rows.length} are`)
  const told = await database.pool.query("select 1 from events where type = 'user.activated'")
  if (activations > told.rows.length) faults.push(`${activations} were activated, and ${told.rows.length} are told`)
  const wrong = ledger.answers.filter(
    (answer) => typeof answer === 'object' && answer !== null && 'attemptsLeft' in answer,
  )
  if (wrong.length > MOST_ATTEMPTS) faults.push(`${wrong.length} guesses were compared`)
  const guesses = await database.pool.query('select 1 from guesses')
  if (guesses.rows.length > MAILBOX_GUESSES) faults.push(`${guesses.rows.length} guesses at one mailbox were compared`)
  return faults
}
