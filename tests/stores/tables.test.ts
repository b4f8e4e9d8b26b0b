import { describe, expect, test } from 'vitest'
import { findFreePort } from '../../dev/free-port.ts'
import { useTestDatabase } from '../support/database.ts'
import { startProgram } from '../support/processes.ts'
import { requiredVariables, spawnProgram } from '../worker/spawn-program.ts'

const LATER = "insert into migrations (name, run_on) values ('9999_later', now())"
const cases = [
  {
    what: 'tables that this release has not migrated',
    statement: 'delete from migrations',
    says: /older than this release.*node db\/migrate\.ts/,
  },
  {
    what: 'no tables',
    statement: 'drop schema public cascade; create schema public',
    says: /older than this release.*0001_tables/,
  },
  { what: 'newer tables', statement: LATER, says: /newer than this release.*9999_later/ },
]

describe.each(['api', 'worker'] as const)('the %s', (name) => {
  test.each(cases)(
    'on $what is a fault of the configuration, told in one clear sentence',
    async ({ statement, says }) => {
      const database = await useTestDatabase()
      await database.pool.query(statement)
      await expect(startProgram(name, { DATABASE_URL: database.url })).rejects.toMatchObject({
        name: 'ConfigError',
        message: expect.stringMatching(new RegExp(`^.*${says.source}.*$`)),
      })
    },
  )

  test('ends with 1 and that sentence', async () => {
    const database = await useTestDatabase()
    await database.pool.query(LATER)
    const { closed, err, child } = spawnProgram(name, {
      ...requiredVariables(database.url),
      PORT: String(await findFreePort()),
      OPS_PORT: String(await findFreePort()),
    })
    await closed
    expect(child.exitCode).toBe(1)
    expect(err()).toMatch(/newer than this release.*9999_later/)
    expect(err().trim().split('\n')).toHaveLength(1)
  })
})

test("the worker without BullMQ's tables tells so in one clear sentence", async () => {
  const database = await useTestDatabase()
  await database.pool.query('drop schema bullmq cascade')
  await expect(
    startProgram('worker', { DATABASE_URL: database.url, MAIL_URL: 'http://127.0.0.1:9' }),
  ).rejects.toMatchObject({
    name: 'ConfigError',
    message: expect.stringMatching(/^BullMQ's tables are not in the schema bullmq.*node db\/migrate\.ts/),
  })
})
