import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'

const FOLDER = join(import.meta.dirname, '../../db/migrations')
// Whoever came before these rules had no tables yet.
const FIRST = '0003'

const files = readdirSync(FOLDER).filter((name) => name >= FIRST)
const statementsOf = (sql: string): string[] =>
  sql
    .replace(/--.*$/gm, '')
    .split(/;\s*$/m)
    .map((statement) => statement.trim().replace(/\s+/g, ' ').toLowerCase())
    .filter((statement) => statement !== '')

describe.each(files)('the migration %s disturbs nobody', (file) => {
  const sql = readFileSync(join(FOLDER, file), 'utf8')
  const statements = statementsOf(sql)
  const created = statements.flatMap((statement) => /^create table (\w+)/.exec(statement)?.[1] ?? [])
  const isNew = (table: string | undefined) => table !== undefined && created.includes(table)
  const hasTransaction = !/^-- no transaction$/m.test(sql)

  test('an index of a table that may be large is made and dropped concurrently, in a file of its own with a line `-- no transaction`', () => {
    const blocking = statements.filter(
      (statement) =>
        (/^create (?:unique )?index (?!concurrently )/.test(statement) && !isNew(/ on (\w+)/.exec(statement)?.[1])) ||
        /^drop index (?!concurrently )/.test(statement),
    )
    expect(blocking).toEqual([])
  })

  test('a constraint of a table that may be large is added `not valid`, and validated in a file with a line `-- no transaction`', () => {
    const scanning = statements.filter((statement) => {
      const table = /^(?:alter|create) table (\w+)/.exec(statement)?.[1]
      const checks = statement.match(/\bcheck \(|\badd (?:constraint \w+ )?foreign key/g)?.length ?? 0
      return !isNew(table) && checks > (statement.match(/\bnot valid\b/g)?.length ?? 0)
    })
    expect(scanning).toEqual([])
  })

  test('without a transaction it holds only what may run twice and blocks nobody', () => {
    if (hasTransaction) return
    const wrong = statements.filter((statement, index) => {
      const [, made] = /^create (?:unique )?index concurrently (\w+)/.exec(statement) ?? []
      // What was broken off leaves an invalid index behind.
      if (made) return statements[index - 1] !== `drop index concurrently if exists ${made}`
      return !/^(?:drop index concurrently if exists|alter table \w+ validate constraint) \w+$/.test(statement)
    })
    expect(wrong).toEqual([])
  })
})
