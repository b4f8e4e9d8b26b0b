import { Readable } from 'node:stream'
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

const PLAIN = { scheme: 'bcrypt', passwordHash: '$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW' }
const activatedAt = '2020-01-02T03:04:05.000Z'

const lineOf = (index: number) => JSON.stringify({ email: `person-${index}@example.com`, activatedAt, ...PLAIN })

/** The lines of a file; each is asked for, and `atLine` sees it first. */
async function* lines(atLine: (index: number) => unknown = () => {}) {
  for (let index = 0; index < LINES; index += 1) {
    await atLine(index)
    yield lineOf(index)
  }
}

const run = async (source: AsyncIterable<string>) => {
  const progress: ImportCounts[] = []
  const faults: [line: number, fault: string][] = []
  const counts = await importAccounts(
    { pool: database.pool, languages },
    { lines: source, fault: (...fault) => faults.push(fault), progress: (now) => progress.push({ ...now }) },
  )
  return { counts, faults, progress }
}

test('what is imported is exported as it came, in a language that there are texts in, and what is blank or faulty is neither', async () => {
  const ours = {
    ...{ scheme: 'latchkey', locale: 'de-AT', metadata: { plan: 'free' } },
    passwordHash: '$bcrypt-sha256$v=2,t=2b,r=5$5Hg1DKFqPE8C2aflZ5vVoe$wOK1VFFtS8IGTrGa7.h5fs0u84qyPbS',
  }
  const given = [
    { email: 'ada@example.com', activatedAt, ...PLAIN },
    { email: 'eve@example.com', activatedAt, ...ours },
  ]
  const texts = [JSON.stringify(given[0]), ' ', 'no json', JSON.stringify(given[1])]
  const { counts, faults, progress } = await run(Readable.from(texts))
  expect(counts).toEqual({ lines: 4, imported: 2, alreadyActive: 0, faulty: 1 })
  expect([faults, progress]).toEqual([[[3, 'is not JSON']], []])
  const exported = await Array.fromAsync(exportAccounts(database))
  expect(exported.every((text) => text.endsWith('}\n'))).toBe(true)
  expect(exported.map((text) => JSON.parse(text)).toSorted((one, other) => (one.email < other.email ? -1 : 1))).toEqual(
    [
      { ...given[0], locale: 'en', metadata: {} },
      { ...given[1], locale: 'de' },
    ],
  )
})

test('where there is no account nothing is exported', async () => {
  expect(await Array.fromAsync(exportAccounts(database))).toEqual([])
})

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
