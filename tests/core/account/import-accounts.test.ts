import { beforeEach, expect, test } from 'vitest'
import { exportAccounts } from '../../../src/core/account/export-accounts.ts'
import { type ImportCounts, importAccounts } from '../../../src/core/account/import-accounts.ts'
import { createMailTexts } from '../../../src/core/mail/writing/mail-texts.ts'
import { shareTestDatabase } from '../../support/database.ts'

const LINES = 3500
const BATCH = 1000
const { languages } = createMailTexts({ serviceName: 'Latchkey', defaultLocale: 'en', ttlSeconds: 60 })

const database = shareTestDatabase()
beforeEach(() => database.pool.query('truncate users cascade'))

const countUsers = async (): Promise<number> =>
  (await database.pool.query('select count(*)::integer as count from users')).rows[0]?.count

const lineOf = (index: number) =>
  JSON.stringify({
    ...{ email: `person-${index}@example.com`, activatedAt: '2020-01-02T03:04:05Z', scheme: 'bcrypt' },
    passwordHash: '$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW',
  })

/** The lines of a file; each is asked for, and `atLine` sees it first. */
async function* lines(atLine: (index: number) => unknown = () => {}) {
  for (let index = 0; index < LINES; index += 1) {
    await atLine(index)
    yield lineOf(index)
  }
}

const run = async (source: AsyncIterable<string>) => {
  const progress: ImportCounts[] = []
  const faults: number[] = []
  const counts = await importAccounts(
    { pool: database.pool, languages },
    { lines: source, fault: (line) => faults.push(line), progress: (now) => progress.push({ ...now }) },
  )
  return { counts, faults, progress }
}

test('no more than a batch of lines is held, and each batch is a line of progress', async () => {
  let most = 0
  const watch = async (index: number) => {
    if (index % (BATCH / 2) === 0) most = Math.max(most, index - (await countUsers()))
  }
  const { counts, faults, progress } = await run(lines(watch))
  expect(most).toBe(BATCH / 2)
  expect(progress.map((now) => now.imported)).toEqual([1000, 2000, 3000])
  expect([counts, faults]).toEqual([{ lines: LINES, imported: LINES, alreadyActive: 0, faulty: 0 }, []])
})

test('an import that ends in the middle is taken up by the next run of the same file', async () => {
  const dying = lines((index) => {
    if (index === 2700) throw new Error('killed')
  })
  await expect(run(dying)).rejects.toThrow('killed')
  expect(await countUsers()).toBe(2000)
  expect((await run(lines())).counts).toEqual({ lines: LINES, imported: 1500, alreadyActive: 2000, faulty: 0 })
  expect((await run(lines())).counts).toEqual({ lines: LINES, imported: 0, alreadyActive: LINES, faulty: 0 })
})

test('an export tells every account once, over many pages', async () => {
  await run(lines())
  const emails: string[] = []
  for await (const text of exportAccounts(database)) emails.push(JSON.parse(text).email)
  expect(emails).toHaveLength(LINES)
  expect(new Set(emails)).toEqual(new Set(Array.from({ length: LINES }, (_, index) => `person-${index}@example.com`)))
})
