import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '../..')
const SOURCES = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => readFileSync(join(ROOT, 'src', file), 'utf8'))
  .join('\n')

test('every line of the log that the runbook explains is one that a program writes', () => {
  const [, table = ''] = readFileSync(join(ROOT, 'docs/operations.md'), 'utf8').split('## Log lines')
  const messages = table
    .slice(0, table.indexOf('\n## '))
    .split('\n')
    .filter((row) => row.startsWith('| `'))
    .flatMap((row) => [...(row.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)].map(([, message = '']) => message))
    .filter((message) => message !== 'advice')
  expect(messages.length).toBeGreaterThan(20)
  const written = (message: string) =>
    SOURCES.includes(message.replace(/\W*…$/, '').replace('waiting for PostgreSQL', 'waiting for '))
  expect(messages.filter((message) => !written(message))).toEqual([])
})
