import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'

/** What a process that runs these statements with a `logger` writes to its stdout. */
const linesOf = (level: string, statements: string): string[] => {
  const program = `
    import { createLogger } from './src/core/process/logger.ts'
    const logger = createLogger('${level}', 'a-service')
    ${statements}`
  const { stdout, status, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', program], {
    encoding: 'utf8',
  })
  expect(stderr).toBe('')
  expect(status).toBe(0)
  return stdout.split('\n').filter((line) => line !== '')
}

const FAILURE = `
  const failure = Object.assign(new Error('duplicate key value violates unique constraint'), {
    name: 'DatabaseError', code: '23505', detail: 'Key (email)=(ada@example.com) already exists.',
    where: 'ada@example.com', parameters: ['ada@example.com'], cause: new Error('with ada@example.com'),
  })`

test.each([
  ['as a field', `logger.error({ err: failure }, 'it failed')`],
  ['alone', 'logger.error(failure)'],
])("an error that is logged %s shows no row values of PostgreSQL's", (_how, statement) => {
  const [line = ''] = linesOf('info', `${FAILURE}\n${statement}`)
  expect(line).not.toContain('ada@example.com')
  expect(JSON.parse(line)).toMatchObject({
    err: {
      type: 'DatabaseError',
      code: '23505',
      message: 'duplicate key value violates unique constraint',
      stack: expect.stringContaining('at '),
    },
  })
})

test('a stack is shown once, however often the same fault comes again', () => {
  const lines = linesOf(
    'info',
    `${FAILURE}\nfor (let n = 0; n < 3; n += 1) logger.error({ err: failure }, 'it failed')`,
  )
  expect(lines.filter((line) => line.includes('"stack"'))).toHaveLength(1)
  expect(lines.filter((line) => line.includes('duplicate key'))).toHaveLength(3)
})

test('what is thrown without being an error is not shown', () => {
  const [line = ''] = linesOf('info', `logger.error({ err: { password: 'hunter2' } }, 'it failed')`)
  expect(line).not.toContain('hunter2')
})

test('a line is JSON with an ISO time, a level in words and the service', () => {
  const [line = ''] = linesOf('info', `logger.info({ mailId: 'an-id' }, 'mail delivery attempt')`)
  expect(JSON.parse(line)).toMatchObject({
    level: 'info',
    service: 'a-service',
    mailId: 'an-id',
    msg: 'mail delivery attempt',
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
  })
})

test('lines below the level are left out', () => {
  expect(linesOf('warn', `logger.info('no'); logger.warn('yes')`)).toHaveLength(1)
  expect(linesOf('silent', `logger.fatal('no')`)).toHaveLength(0)
})
