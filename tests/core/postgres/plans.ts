import pg from 'pg'
import { expect, vi } from 'vitest'
import type { Pool } from '../../../src/core/postgres/pool.ts'
import type { TestDatabase } from '../../support/database.ts'

/** How many people a filled database has: enough that a plan which reads them all is told from one that does not. */
export const PEOPLE = 50_000

/**
 * Fills a database as a year of use would: accounts, registrations of today, a backlog of mails, guesses, counters. Number `n` of
 * them has the ids `idOf('user', n)` and so on. Every 20th mail of the last tenth waits to be tried again, and every 30th has failed.
 */
export const fill = async ({ url }: TestDatabase): Promise<void> => {
  // Without the time limits of the service.
  const pool = new pg.Pool({ connectionString: url, max: 1 })
  await addRegistrations(pool)
  await addOutboxes(pool)
  await addCounters(pool)
  await pool.query('vacuum analyze')
  await pool.end()
}

const addRegistrations = async (pool: pg.Pool): Promise<void> => {
  await pool.query(
    `insert into users (id, email, password_hash, ref, created_at, activated_at, idempotency_key)
     select ('00000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'person' || n || '@example.com', 'a hash', 'K' || n % 1000,
       now() - n * interval '1 minute',
       case when n % 10 > 0 then now() - n * interval '50 seconds' end,
       case when n % 7 = 0 and n < 2000 then decode(md5(n::text), 'hex') end
     from generate_series(1, $1::integer) as n`,
    [PEOPLE],
  )
  await pool.query(
    `insert into codes (id, user_id, digits, key_id, mailbox_keys, created_at)
     select ('00000000-0000-4000-9000-' || right(id::text, 12))::uuid, id, 4, 'a key', array[decode(md5(id::text), 'hex')], created_at
     from users`,
  )
}

const addOutboxes = async (pool: pg.Pool): Promise<void> => {
  await pool.query(
    `insert into mails (id, user_id, code_id, request_id, created_at, settled_at, outcome, next_offer_at, offers, failing_since)
     select ('00000000-0000-4000-a000-' || right(user_id::text, 12))::uuid, user_id, id, 'request' || n, created_at,
       case when n > $1 / 10 then created_at + interval '1 second' end,
       case when n > $1 / 10 then case when n % 30 = 0 then 'given-up' else 'accepted' end end,
       case when n % 3 = 0 then '-infinity'::timestamptz else now() + (n % 100 - 50) * interval '1 second' end,
       1,
       case when n % 20 = 0 then now() - n * interval '1 second' end
     from (select *, row_number() over (order by created_at desc)::integer as n from codes) as numbered`,
    [PEOPLE],
  )
  await pool.query(
    `insert into events (id, type, user_id, data, created_at, settled_at, outcome, next_offer_at, offers, failing_since)
     select ('00000000-0000-4000-b000-' || right(id::text, 12))::uuid, 'user.activated', user_id, '{}', created_at,
       settled_at, case outcome when 'given-up' then 'given-up' when 'accepted' then 'accepted' end, next_offer_at, offers, failing_since
     from mails`,
  )
}

const addCounters = async (pool: pg.Pool): Promise<void> => {
  await pool.query(
    `insert into guesses (mailbox_key, at)
     select decode(md5((n % 5000)::text), 'hex'), now() - n * interval '10 minutes'
     from generate_series(1, $1::integer) as n`,
    [PEOPLE],
  )
  await pool.query(
    `insert into rate_limits (key, points, expire)
     select 'registrations-per-net-3600s:' || n, 1, (extract(epoch from now()) * 1000)::bigint + n * 100
     from generate_series(1, $1::integer) as n`,
    [PEOPLE],
  )
}

const KINDS = { user: '8000', code: '9000', mail: 'a000', event: 'b000' }

export const idOf = (kind: keyof typeof KINDS, n: number): string =>
  `00000000-0000-4000-${KINDS[kind]}-${n.toString(16).padStart(12, '0')}`

type Statement = { text: string; values: unknown[] }

const READS_OR_WRITES = /^\s*(?:with|select|insert|update|delete)\b/i

/** Runs `work` and gives the statements of this kind that it sent, through whichever connection. */
export const record = async (work: () => Promise<unknown>, kind = READS_OR_WRITES): Promise<Statement[]> => {
  const statements: Statement[] = []
  const query = pg.Client.prototype.query
  const spy = vi.spyOn(pg.Client.prototype, 'query').mockImplementation(function (this: pg.Client, ...call: unknown[]) {
    const [first, second] = call
    const config =
      typeof first === 'object' && first !== null && 'text' in first ? first : { text: first, values: second }
    const values = 'values' in config && Array.isArray(config.values) ? config.values : []
    if (kind.test(String(config.text))) statements.push({ text: String(config.text), values })
    return Reflect.apply(query, this, call)
  })
  await work().finally(() => spy.mockRestore())
  return statements
}

type Plan = {
  'Node Type': string
  'Relation Name'?: string
  'Actual Rows': number
  'Actual Loops': number
  'Rows Removed by Filter'?: number
  'Rows Removed by Index Recheck'?: number
  'Index Cond'?: string
  Plans?: Plan[]
}

const nodesOf = (plan: Plan): Plan[] => [plan, ...(plan.Plans ?? []).flatMap(nodesOf)]

/** What a node reads from a table, of which rows that it throws away again are a part. */
const readBy = (node: Plan): number =>
  (node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0) + (node['Rows Removed by Index Recheck'] ?? 0)) *
  node['Actual Loops']

const explain = async (pool: Pool, { text, values }: Statement, options: string): Promise<Plan> => {
  const client = await pool.connect()
  try {
    await client.query('begin')
    // A pool plans a named statement for values that it does not know.
    await client.query('set local plan_cache_mode = force_generic_plan')
    const explained = await client.query(`explain (${options}, format json) ${text}`, values)
    return explained.rows[0]['QUERY PLAN'][0].Plan
  } finally {
    await client.query('rollback')
    client.release()
  }
}

const FEW = 60

/** The nodes that go through a whole table, or a whole index, such as a partial one that had hardly a row when the statement was planned. */
const wholeScansOf = (plan: Plan, isLimited = false): Plan[] => {
  const type = plan['Node Type']
  const isWhole = /^(?:Index|Index Only|Bitmap Index) Scan$/.test(type) && plan['Index Cond'] === undefined
  const isBelowLimit = type === 'Limit' || (type === 'LockRows' && isLimited)
  return [
    ...(type === 'Seq Scan' || (isWhole && !isLimited) ? [plan] : []),
    ...(plan.Plans ?? []).flatMap((child) => wholeScansOf(child, isBelowLimit)),
  ]
}

/**
 * Fails when a statement that `work` sends reads a whole table, or more than `mayRead` rows of one, in the `filled` database; or when it
 * needs few rows and would go through a whole table or index if it was planned in the `empty` one: a session keeps its plans, also while
 * a backlog grows. The statements are explained in the state that `work` leaves, and what explaining changes is rolled back.
 */
export const expectBoundedReads = async (
  { filled, empty }: { filled: Pool; empty: Pool },
  work: () => Promise<unknown>,
  mayRead = FEW,
): Promise<void> => {
  const statements = await record(work)
  expect(statements).not.toEqual([])
  for (const statement of statements) {
    const nodes = nodesOf(await explain(filled, statement, 'analyze'))
    const tooMuch = nodes.filter((node) => node['Relation Name'] !== undefined && readBy(node) > mayRead)
    expect({ statement: statement.text, tooMuch }).toEqual({ statement: statement.text, tooMuch: [] })
    if (mayRead > FEW) continue
    const whole = wholeScansOf(await explain(empty, statement, 'verbose off'))
    expect({ statement: statement.text, whole }).toEqual({ statement: statement.text, whole: [] })
  }
}
