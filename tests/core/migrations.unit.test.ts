import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'

const FOLDER = join(import.meta.dirname, '../../db/migrations')

const statementsOf = (sql: string): string[] =>
  sql
    .replace(/--.*$/gm, '')
    .split(/;\s*$/m)
    .map((statement) => statement.trim().replace(/\s+/g, ' ').toLowerCase())
    .filter((statement) => statement !== '')

/** What would make others wait while a migration runs on tables that may be large. */
const blockingIn = (sql: string): string[] => {
  const statements = statementsOf(sql)
  const created = statements.flatMap((statement) => /^create table (\w+)/.exec(statement)?.[1] ?? [])
  const isNew = (table: string | undefined) => table !== undefined && created.includes(table)
  const locksLong = (statement: string) =>
    (/^create (?:unique )?index (?!concurrently )/.test(statement) && !isNew(/ on (\w+)/.exec(statement)?.[1])) ||
    /^drop index (?!concurrently )/.test(statement)
  const scans = (statement: string) => {
    const table = /^(?:alter|create) table (\w+)/.exec(statement)?.[1]
    const checks = statement.match(/\bcheck \(|\badd (?:constraint \w+ )?foreign key/g)?.length ?? 0
    // A new domain is no column's type yet.
    if (statement.startsWith('create domain')) return false
    return !isNew(table) && checks > (statement.match(/\bnot valid\b/g)?.length ?? 0)
  }
  return statements.filter((statement) => locksLong(statement) || scans(statement))
}

/** What could not run again after it was broken off, or would block others, in a file without a transaction. */
const unrepeatableIn = (sql: string): string[] => {
  if (!/^-- no transaction$/m.test(sql)) return []
  return statementsOf(sql).filter((statement, index, all) => {
    const [, made] = /^create (?:unique )?index concurrently (\w+)/.exec(statement) ?? []
    // What was broken off leaves an invalid index behind.
    if (made) return all[index - 1] !== `drop index concurrently if exists ${made}`
    return !/^(?:drop index concurrently if exists|alter table \w+ validate constraint) \w+$/.test(statement)
  })
}

test.each(readdirSync(FOLDER))('the migration %s makes nobody wait, and can be run again', (file) => {
  const sql = readFileSync(join(FOLDER, file), 'utf8')
  expect(statementsOf(sql).length).toBeGreaterThan(0)
  expect(blockingIn(sql)).toEqual([])
  expect(unrepeatableIn(sql)).toEqual([])
})

describe('the rules for migrations', () => {
  test('an index of a new table may be made at once, that of a table that may be large only concurrently', () => {
    expect(blockingIn('create table notes (id uuid);\ncreate index notes_id on notes (id);')).toEqual([])
    expect(blockingIn('create index mails_by_age on mails (created_at);')).toHaveLength(1)
    expect(blockingIn('drop index mails_by_age;')).toHaveLength(1)
    expect(blockingIn('-- no transaction\ndrop index concurrently if exists mails_by_age;')).toEqual([])
  })

  test('a constraint of a table that may be large is added `not valid`, and validated without a transaction', () => {
    expect(blockingIn("alter table mails add check (outcome <> '');")).toHaveLength(1)
    expect(blockingIn("alter domain mail_outcome add check (value <> '');")).toHaveLength(1)
    expect(blockingIn("create domain shade as text check (value <> '');")).toEqual([])
    expect(
      blockingIn('alter table mails add constraint mails_user foreign key (user_id) references users;'),
    ).toHaveLength(1)
    expect(blockingIn("alter table mails add constraint mails_outcome check (outcome <> '') not valid;")).toEqual([])
    expect(unrepeatableIn('-- no transaction\nalter table mails validate constraint mails_outcome;')).toEqual([])
  })

  test('without a transaction only what may run twice is allowed', () => {
    const making = 'create index concurrently mails_by_age on mails (created_at);'
    expect(unrepeatableIn(`-- no transaction\n${making}`)).toHaveLength(1)
    expect(unrepeatableIn(`-- no transaction\ndrop index concurrently if exists mails_by_age;\n${making}`)).toEqual([])
    expect(unrepeatableIn('-- no transaction\nalter table mails add column age integer;')).toHaveLength(1)
    expect(unrepeatableIn('alter table mails add column age integer;')).toEqual([])
  })
})
