import { globSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { rooms } from './rooms.ts'

const ROOT = join(import.meta.dirname, '../..')

test('what mutants change, and the tests that have to notice, are there', () => {
  const single = (pattern: string): string[] => {
    const [whole = '', choices = ''] = /\{([^}]*)\}/.exec(pattern) ?? []
    return whole === '' ? [pattern] : choices.split(',').flatMap((choice) => single(pattern.replace(whole, choice)))
  }
  const patterns = Object.values(rooms).flatMap(({ mutate, tests }) => [...mutate, ...tests].flatMap(single))
  expect(patterns.length).toBeGreaterThan(50)
  expect(patterns.filter((pattern) => globSync(pattern, { cwd: ROOT }).length === 0)).toEqual([])
})
