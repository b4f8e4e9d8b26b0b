import * as v from 'valibot'
import { describe, expect, test } from 'vitest'
import { readConfig, text, url } from '../../../src/core/process/config.ts'
import { codePolicyOf, codeSettings, coreSettings } from '../../../src/core/process/settings.ts'
import { faultOf, fileWith } from '../../support/config.ts'

test('one error names every faulty variable, and no value', () => {
  const environment = {
    DATABASE_URL: 'mysql://user:hunter2@host',
    LOG_LEVEL: 'chatty-value',
    SECRET_KEY: 'too-short-value',
    CODE_TTL_SECONDS: 'sixty-value',
    CODE_ATTEMPTS: '100000',
    LIMIT_GUESSES_PER_MAILBOX: 'nine-value',
  }
  const fault = faultOf(() => readConfig({ ...coreSettings, ...codeSettings }, environment)) ?? ''
  for (const [name, value] of Object.entries(environment)) {
    expect(fault.split('\n').filter((line) => line.startsWith(`  ${name}: `))).toHaveLength(1)
    expect(fault).not.toContain(value)
  }
  expect(fault).not.toContain('hunter2')
})

test('a faulty variable whose name begins another faulty name is named too', () => {
  const fault = faultOf(() => readConfig({ MAIL_URL: url('http:'), MAIL: text() }, {}))
  expect(fault).toContain('MAIL_URL: ')
  expect(fault).toContain('MAIL: ')
})

test('the defaults are those of the contract, and a list of secrets keeps its order', () => {
  const secrets = ['a secret of thirty-two characters', 'another secret of thirty-two chars']
  const config = readConfig(codeSettings, { SECRET_KEY: secrets.join(', ') })
  expect(config.SECRET_KEY).toEqual(secrets)
  expect(codePolicyOf(config)).toEqual({
    ttlSeconds: 60,
    maxAttempts: 3,
    guessBudgets: [
      { max: 9, seconds: 86_400 },
      { max: 90, seconds: 365 * 86_400 },
    ],
  })
})

test('a secret keeps neither the byte order mark nor the line end that came with it', () => {
  const key = 'a secret of thirty-two characters'
  expect(readConfig(codeSettings, { SECRET_KEY: `\uFEFF${key}\r\n` }).SECRET_KEY).toEqual([key])
})

test('two equal keys in a list are refused', () => {
  const key = 'a secret of thirty-two characters'
  const fault = faultOf(() => readConfig(codeSettings, { SECRET_KEY: `${key}, ${key}` }))
  expect(fault).toContain('SECRET_KEY: must not hold the same key twice')
  expect(fault).not.toContain(key)
})

test('one short secret in the list is enough to stop', () => {
  const list = 'a secret of thirty-two characters,short'
  expect(faultOf(() => readConfig(codeSettings, { SECRET_KEY: list }))).toContain('SECRET_KEY: must have 32')
})

describe('a value in a file', () => {
  test.each([
    ['plain', 'plain'],
    ['with a line end\n', 'with a line end'],
    ['with a DOS line end\r\n', 'with a DOS line end'],
    ['\uFEFFwith a byte order mark\r\n', 'with a byte order mark'],
    [' spaces kept ', ' spaces kept '],
  ])('%j is read as %j', (content, value) => {
    expect(readConfig({ A: text() }, { A_FILE: fileWith(content) })).toEqual({ A: value })
  })

  test('is refused beside the variable itself, unless that is empty', () => {
    const fault = faultOf(() => readConfig({ A: text(), B: text() }, { A: 'own', A_FILE: fileWith('from file') }))
    expect(fault).toContain('A: must not be given together with A_FILE')
    expect(fault).toContain('B: must be set')
    expect(fault).not.toMatch(/own|from file/)
    expect(readConfig({ A: text() }, { A: '', A_FILE: fileWith('from file') })).toEqual({ A: 'from file' })
  })

  test('that cannot be read, or is empty, is a fault of its own and stops nothing from being named', () => {
    const entries = { A: text(), B: text(), C: text(), D: v.optional(text(), 'default') }
    const fault = faultOf(() => readConfig(entries, { A_FILE: '/no/such/file', B_FILE: fileWith('') })) ?? ''
    expect(fault).toContain('A_FILE: cannot be read (ENOENT)')
    expect(fault.match(/^ {2}A/gm)).toHaveLength(1)
    expect(fault).toContain('B: must be set')
    expect(fault).toContain('C: must be set')
    expect(fault).not.toContain('/no/such/file')
    expect(fault).not.toContain('D')
  })
})
