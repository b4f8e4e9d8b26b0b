import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { keepLog } from '../support/kept-log.ts'

const failure = () =>
  Object.assign(new Error('duplicate key value violates unique constraint'), {
    ...{ name: 'DatabaseError', code: '23505', detail: 'Key (email)=(ada@example.com) already exists.' },
    ...{ where: 'ada@example.com', parameters: ['ada@example.com'], cause: new Error('with ada@example.com') },
  })

test('lines go to stdout, also the last before the end', () => {
  const program = `
    import { createLogger } from './src/core/process/logger.ts'
    createLogger('info', 'a-service').info('the last line')
    process.exit(0)`
  const { stdout, status, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', program], {
    encoding: 'utf8',
  })
  expect([status, stderr]).toEqual([0, ''])
  expect(stdout.match(/\n/g)).toHaveLength(1)
  expect(JSON.parse(stdout)).toMatchObject({ service: 'a-service', msg: 'the last line' })
})

test.each(['as a field', 'alone'])("an error that is logged %s shows no row values of PostgreSQL's", (how) => {
  const { logger, texts, lines } = keepLog()
  if (how === 'alone') logger.error(failure())
  else logger.error({ err: failure() }, 'it failed')
  expect(texts.join()).not.toContain('ada@example.com')
  expect(lines()[0]?.err).toEqual({
    type: 'DatabaseError',
    code: '23505',
    message: 'duplicate key value violates unique constraint',
    stack: expect.stringContaining('at '),
  })
})

test('a code that is no text is not shown', () => {
  const { logger, lines } = keepLog()
  logger.error({ err: Object.assign(new Error('odd'), { code: { email: 'ada@example.com' } }) }, 'it failed')
  logger.error({ err: new Error('plain') }, 'it failed')
  expect(lines().map(({ err }) => err)).toEqual(
    ['odd', 'plain'].map((message) => ({ type: 'Error', message, stack: expect.any(String) })),
  )
})

test('an error without a stack is told without one', () => {
  const { logger, lines } = keepLog()
  logger.error({ err: Object.assign(new Error('odd'), { stack: undefined }) }, 'it failed')
  expect(lines()).toMatchObject([{ msg: 'it failed', err: { type: 'Error', message: 'odd' } }])
})

test('a stack is shown once, however often the same fault comes again with other words', () => {
  const { logger, texts } = keepLog()
  const fail = (message: string) => logger.error({ err: new Error(message) }, 'it failed')
  for (const message of ['one', 'two', 'three']) fail(message)
  expect(texts.filter((text) => text.includes('"stack"'))).toHaveLength(1)
  fail('from elsewhere')
  expect(texts.filter((text) => text.includes('"stack"'))).toHaveLength(2)
})

test('of two thousand faults that differ the last thousand are remembered at most', () => {
  const { logger, texts } = keepLog()
  const fail = (where: number) =>
    logger.error({ err: Object.assign(new Error('odd'), { stack: `Error: odd\n    at line ${where}` }) }, 'it failed')
  const shown = () => texts.splice(0).filter((text) => text.includes('"stack"')).length
  for (let where = 0; where < 1000; where += 1) fail(where)
  expect(shown()).toBe(1000)
  fail(0)
  expect(shown()).toBe(0)
  fail(1000)
  fail(0)
  expect(shown()).toBe(2)
})

test('what is thrown without being an error is not shown', () => {
  const { logger, texts, lines } = keepLog()
  logger.error({ err: { password: 'hunter2' } }, 'it failed')
  expect(texts.join()).not.toContain('hunter2')
  expect(lines()[0]?.err).toEqual({ message: 'not an Error' })
})

test('a line is JSON with an ISO time, a level in words, the service and its process, and no trace when there is none', () => {
  const { logger, lines } = keepLog()
  logger.info({ mailId: 'an-id' }, 'mail delivery attempt')
  expect(lines()).toEqual([
    {
      level: 'info',
      service: 'a-service',
      pid: process.pid,
      mailId: 'an-id',
      msg: 'mail delivery attempt',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    },
  ])
})

test('lines below the level are left out', () => {
  const [warn, silent] = [keepLog('warn'), keepLog('silent')]
  warn.logger.info('no')
  warn.logger.warn('yes')
  silent.logger.fatal('no')
  expect([warn.messages(), silent.messages()]).toEqual([['yes'], []])
})
