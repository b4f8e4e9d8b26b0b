import * as v from 'valibot'
import { expect, test } from 'vitest'
import { budgets, readConfig, text, url } from '../../src/core/process/config.ts'

const FIRST_LINE = 'The configuration is not complete. Correct these variables and start again:'
const saysOf = (entries: v.ObjectEntries, environment: Record<string, string>): string[] => {
  try {
    readConfig(entries, environment)
    return []
  } catch (error) {
    return error instanceof Error ? error.message.split('\n').map((line) => line.trim()) : []
  }
}

test('a misspelt limit stops a process in which all else is right', () => {
  const entries = { NAME: text() }
  expect(saysOf(entries, { NAME: 'x' })).toEqual([])
  expect(saysOf(entries, { NAME: 'x', LIMIT_REGISTRATION_PER_NET: '1/1h' })).toEqual([
    FIRST_LINE,
    'LIMIT_REGISTRATION_PER_NET: is not known; is it misspelt?',
  ])
})

test('a variable that is given twice has one fault, and not that of being unset too', () => {
  expect(saysOf({ NAME: text() }, { NAME: 'x', NAME_FILE: '/x' })).toEqual([
    FIRST_LINE,
    'NAME: must not be given together with NAME_FILE',
  ])
})

test('a URL that is not set or of another protocol is told which there are', () => {
  const entries = { ONE: url('http:', 'https:') }
  expect(saysOf(entries, {})).toEqual([FIRST_LINE, 'ONE: must be set'])
  expect(saysOf(entries, { ONE: 'ftp://x' })).toEqual([
    FIRST_LINE,
    'ONE: must be a URL that begins with http:// or https://',
  ])
})

test('of a value only a byte order mark before it and line ends behind it go', () => {
  const read = (value: string) => readConfig({ NAME: text() }, { NAME: value }).NAME
  expect(read('\uFEFFa\r\n\n\n')).toBe('a')
  expect(read('a\uFEFFb')).toBe('a\uFEFFb')
  expect(read('a\nb')).toBe('a\nb')
})

test('blanks around a budget mean nothing', () => {
  expect(v.parse(budgets, ' 20/1h , 60/24h ')).toEqual([
    { max: 20, seconds: 3600 },
    { max: 60, seconds: 86_400 },
  ])
})
