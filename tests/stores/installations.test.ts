import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { documented } from '../../bench/soak/documented.ts'
import { migrate } from '../../src/core/postgres/migrate.ts'
import { migrateQueue } from '../../src/worker/queue/backends/migrate-queue.ts'
import { readUser } from '../support/answers.ts'
import { basic, PASSWORD, post } from '../support/api.ts'
import { backends, startStore } from '../support/backends.ts'
import { createTestDatabase, silent, type TestDatabase } from '../support/database.ts'
import { codeIn, type MailProvider, startMailProvider } from '../support/mail-provider.ts'
import { startProgram, type TestProgram } from '../support/processes.ts'
import type { TestRedis } from '../support/redis.ts'
import { runTraceMail } from '../worker/spawn-program.ts'
import { trace } from '../worker/stage.ts'

const UNFRIENDLY = [
  "set default_transaction_isolation to 'serializable'",
  "set DateStyle to 'German, DMY'",
  "set TimeZone to 'Asia/Kathmandu'",
  'set search_path to elsewhere',
  "set statement_timeout to '10ms'",
]

type Installation = { schema: string; api: TestProgram; worker: TestProgram; provider: MailProvider }

describe.each(backends)(
  'two installations in one unfriendly database, with roles that own nothing, jobs on %s',
  (backend) => {
    let database: TestDatabase
    let redis: TestRedis | null
    let admin: pg.Client
    let installations: Installation[]
    const databaseName = () => new URL(database.url).pathname.slice(1)
    const suffix = randomBytes(4).toString('hex')
    const [owner, worker] = [`owner_${suffix}`, `dml_${suffix}`]
    const urlFor = (role: string) => Object.assign(new URL(database.url), { username: role, password: role }).href

    const install = async (schema: string, prefix: string): Promise<Installation> => {
      await migrate(urlFor(owner), silent, schema)
      await migrateQueue(urlFor(owner), silent, schema)
      for (const grant of documented('-- PostgreSQL: grants'))
        await admin.query(
          grant
            .replace('database latchkey', `database ${databaseName()}`)
            .replaceAll('public', schema)
            .replaceAll('bullmq', schema === 'public' ? 'bullmq' : `${schema}_bullmq`)
            .replaceAll('latchkey_dml', worker),
        )
      const provider = await startMailProvider()
      const environment = {
        DATABASE_URL: `${urlFor(worker)}?options=-c%20search_path%3Delsewhere`,
        DATABASE_SCHEMA: schema,
        QUEUE_PREFIX: prefix,
        REDIS_URL: redis?.url,
        MAIL_URL: provider.url,
      }
      const [api, workerProcess] = await Promise.all([
        startProgram('api', environment),
        startProgram('worker', environment),
      ])
      return { schema, api, worker: workerProcess, provider }
    }

    beforeAll(async () => {
      ;[database, redis] = await Promise.all([createTestDatabase(), startStore(backend)])
      admin = new pg.Client({ connectionString: database.url })
      await admin.connect()
      for (const statement of [
        'drop schema public, bullmq cascade',
        `create role ${owner} login password '${owner}'`,
        `create role ${worker} login password '${worker}'`,
        `revoke temporary on database ${databaseName()} from public`,
        `grant create on database ${databaseName()} to ${owner}`,
        ...UNFRIENDLY.map((setting) => `alter database ${databaseName()} ${setting}`),
      ])
        await admin.query(statement)
      installations = [await install('public', 'bull'), await install('other', 'other')]
    })
    afterAll(async () => {
      await Promise.all(
        installations.flatMap(({ api, worker: own, provider }) => [api.stop(), own.stop(), provider.close()]),
      )
      await redis?.stop()
      for (const role of [worker, owner]) await admin.query(`drop owned by ${role} cascade`)
      for (const role of [worker, owner]) await admin.query(`drop role ${role}`)
      await admin.end()
      await database.drop()
    })

    test('each registers, guesses and activates by itself, at once, and neither meets the other', async () => {
      await Promise.all(
        installations.map(async ({ schema, api, provider }) => {
          const email = 'ada@example.com'
          const user = await readUser(await fetch(`${api.url}/v1/users`, post({ email, password: PASSWORD })))
          await expect.poll(() => codeIn(provider.inbox(email)[0])).toMatch(/^\d{4}$/)
          const right = codeIn(provider.inbox(email)[0]) ?? ''
          const wrong = right === '0000' ? '0001' : '0000'
          const send = async (code: string) => {
            const headers = { authorization: basic(email) }
            return (await fetch(`${api.url}/v1/users/${user.id}/activation`, post({ code }, headers))).status
          }
          const guesses = await Promise.all(Array.from({ length: 6 }, () => send(wrong)))
          expect(guesses.filter((status) => status === 400).length).toBeLessThanOrEqual(3)
          expect(guesses.every((status) => [400, 410].includes(status))).toBe(true)
          const count = async (table: string) =>
            (await admin.query<{ count: number }>(`select count(*)::integer as count from ${schema}.${table}`)).rows[0]
              ?.count
          expect(await count('guesses')).toBe(guesses.filter((status) => status === 400).length)
          expect(await count('users')).toBe(1)
          expect(provider.requests).toHaveLength(1)
        }),
      )
      for (const { api, worker: own } of installations) {
        expect(`${api.log()}${own.log()}`.match(/^.*"level":"(?:warn|error)".*$/gm) ?? []).toEqual([
          expect.stringContaining('the dashboard is off'),
        ])
      }
    })

    test('the trace of a mail is found in its own installation alone', async () => {
      const [, other] = installations
      const email = 'grace@example.com'
      const user = await readUser(await fetch(`${other?.api.url}/v1/users`, post({ email, password: PASSWORD })))
      await expect.poll(() => other?.provider.inbox(email).length).toBe(1)
      const environment = { DATABASE_URL: urlFor(worker), REDIS_URL: redis?.url }
      const own = { ...environment, DATABASE_SCHEMA: 'other', QUEUE_PREFIX: 'other' }
      await expect.poll(async () => (await trace(user.id, own)).out).toContain('accepted by resend as')
      expect((await runTraceMail([user.id], own)).out).toContain('accepted by resend as')
      expect((await trace(user.id, environment)).code).toBe(1)
    })
  },
)
