import { expect, test } from 'vitest'
import { readApiConfig } from '../../src/api/config.ts'
import { unknownNames, warnOfUnknownNames } from '../../src/core/process/known-names.ts'
import { readWorkerConfig } from '../../src/worker/config.ts'
import { namesReadBy } from '../support/names-read-by.ts'

test('what a process reads is known to both', () => {
  const names = [...namesReadBy(readApiConfig), ...namesReadBy(readWorkerConfig)]
  const environment = Object.fromEntries(names.map((name) => [name, 'set']))
  expect(names.filter((name) => /^(LIMIT|CODE|MAIL)_/.test(name)).length).toBeGreaterThan(20)
  expect(unknownNames(environment, 'LIMIT_', 'CODE_', 'MAIL_', 'WEBHOOK_')).toEqual([])
})

test('one warning names all that may be misspelt, without values, and what is empty is not set', () => {
  const lines: unknown[] = []
  const logger = { warn: (fields: object, message: string) => void lines.push({ ...fields, message }) }
  const environment = { MAIL_FORM: 'secret', WEBHOOK_URI: 'secret', MAIL_PORT: '', MAIL_FROM_FILE: '/x', MAILBOX: '1' }
  warnOfUnknownNames(environment, logger)
  expect(lines).toEqual([{ names: ['MAIL_FORM', 'WEBHOOK_URI'], message: 'unknown variables are ignored' }])
  warnOfUnknownNames({ MAIL_FROM: 'x', MAIL_FALLBACK_API_KEY_FILE: '/x', WEBHOOK_SECRET: 'x' }, logger)
  expect(lines).toHaveLength(1)
})
