import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { shareTestDatabase } from '../support/database.ts'
import { type MailProvider, startMailProvider } from '../support/mail-provider.ts'
import { startProcess, startProgram, type TestProcess, type TestProgram } from '../support/processes.ts'
import { bear } from './bear-outage.ts'

const database = shareTestDatabase()
let provider: MailProvider
beforeAll(async () => {
  provider = await startMailProvider()
})
afterAll(() => provider.close())

describe('with jobs in PostgreSQL', () => {
  let api: TestProgram
  let worker: TestProcess
  const name = () => new URL(database.url).pathname.slice(1)
  /** A connection that the fault does not reach. */
  const asAdmin = async (...statements: string[]) => {
    const admin = new pg.Client({ connectionString: database.url, options: '-c default_transaction_read_only=off' })
    await admin.connect()
    for (const statement of statements) await admin.query(statement)
    await admin.end()
  }
  const cutAll = `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name ~ '^(latchkey-|mail|housekeeping)'`

  beforeAll(async () => {
    const common = { DATABASE_URL: database.url, MAIL_URL: provider.url }
    ;[api, worker] = await Promise.all([startProgram('api', common), startProcess('worker', common)])
  })
  afterAll(async () => {
    await Promise.all([api.stop(), worker.kill()])
  })

  test.each([
    {
      error: 'read-only',
      off: () => [`alter database ${name()} set default_transaction_read_only to on`, cutAll],
      on: () => [`alter database ${name()} reset default_transaction_read_only`, cutAll],
    },
    {
      error: 'gone',
      off: () => ['alter schema bullmq rename to away'],
      on: () => ['alter schema away rename to bullmq'],
    },
    { error: 'cut off', off: () => [cutAll], on: () => [] },
  ])('a PostgreSQL that is $error is one line, and the worker rests until it is over', async ({ error, off, on }) => {
    await bear(
      { worker, api, provider },
      async () => {
        await asAdmin(...off())
        return () => asAdmin(...on())
      },
      `${error.replaceAll(' ', '-')}@example.com`,
      expect,
    )
  })

  test('SIGTERM works while it is away', async () => {
    await asAdmin(`alter database ${name()} set default_transaction_read_only to on`, cutAll)
    await expect.poll(async () => (await fetch(`${worker.opsUrl}/readyz`)).status).toBe(503)
    expect(await worker.stop()).toBe(0)
  })
})
