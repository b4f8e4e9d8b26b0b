import type { TestDatabase } from '../../../support/database.ts'

export type Clock = { now(): number; pass(seconds: number): void }

/** Seconds since it was made, and those that were let pass. */
export const createClock = (): Clock => {
  const begun = performance.now()
  let passed = 0
  return {
    now: () => passed + (performance.now() - begun) / 1000,
    pass: (seconds) => {
      passed += seconds
    },
  }
}

/** Lets so many seconds pass: every time of every row moves back. */
export const moveBack = async ({ pool }: TestDatabase, seconds: number): Promise<void> => {
  await pool.query(
    [
      ...TIMES.map(([table, columns]) => `update ${table} set ${columns.map((name) => movedBack(name, seconds))}`),
      `update rate_limits set expire = expire - ${seconds * 1000}`,
    ].join('; '),
  )
}

const movedBack = (column: string, seconds: number) => `${column} = ${column} - interval '${seconds} seconds'`

const TIMES = [
  ['users', ['created_at', 'activated_at', 'noticed_at']],
  ['codes', ['created_at', 'opened_at', 'expires_at', 'sent_at', 'superseded_at']],
  [
    'mails',
    [
      ...['created_at', 'offered_at', 'retry_at', 'lease_until', 'settled_at', 'next_offer_at', 'failing_since'],
      ...['delivered_at', 'bounced_at'],
    ],
  ],
  ['outboxes', ['beat_at', 'possible_since', 'priority_from']],
  ['provider_reports', ['delivered_at', 'bounced_at', 'created_at']],
  ['sign_in_networks', ['at']],
  ['guesses', ['at']],
] as const
