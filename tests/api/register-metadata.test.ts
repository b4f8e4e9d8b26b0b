import pino from 'pino'
import { beforeAll, describe, expect, test } from 'vitest'
import { readUser } from '../support/answers.ts'
import { basic, createTestApi, PASSWORD, post } from '../support/api.ts'
import { shareTestDatabase } from '../support/database.ts'
import { type App, expectProblem } from './api-client.ts'

const database = shareTestDatabase()
let app: App
beforeAll(async () => {
  app = await createTestApi(database)
})

const EMAIL = 'ada@example.com'
const PERSON = `"email":"${EMAIL}","password":"${PASSWORD}"`
const sendRaw = (metadata: string) => app.request('/v1/users', post(`{${PERSON},"metadata":${metadata}}`))
const nested = (depth: number) => `{"a":${'['.repeat(depth)}${']'.repeat(depth)}}`
// {"a":"…"} is 8 bytes around the letters.
const ofSize = (bytes: number, letter = 'x') =>
  `{"a":"${letter.repeat(Math.floor((bytes - 8) / Buffer.byteLength(letter)))}${'x'.repeat((bytes - 8) % Buffer.byteLength(letter))}"}`

describe('metadata', () => {
  test.each([
    '{}',
    '{"plan":"free","seats":3,"tags":["a",null,true],"more":{"x":{}}}',
    '{"__proto__":{"a":1},"constructor":"c","prototype":[],"toString":1,"":"empty"}',
    '{"n":[0,-1,1.5,1e21,0.1,5e-324,1.7976931348623157e308,9007199254740991,100e-2,12.50,-0.000]}',
    '{"s":"é 🌍 \\u0001 \\ud83c\\udf0d </script> \\\\ \\""}',
    nested(500),
    ofSize(1024),
    ofSize(1024, 'é'),
    ofSize(1024, '🌍'),
  ])('%s is given back with the same value, now and later', async (metadata) => {
    const answer = await sendRaw(metadata)
    expect(answer.status).toBe(202)
    const text = await answer.text()
    const value = (source: string) => JSON.stringify(JSON.parse(source).metadata)
    expect(value(text)).toBe(JSON.stringify(JSON.parse(metadata)))
    const later = await app.request(`/v1/users/${JSON.parse(text).id}`, { headers: { authorization: basic(EMAIL) } })
    expect(value(await later.text())).toBe(JSON.stringify(JSON.parse(metadata)))
  })

  test('is an empty object when none was given', async () => {
    expect(await readUser(await app.request('/v1/users', post(`{${PERSON}}`)))).toMatchObject({ metadata: {} })
  })

  test.each([
    'null',
    '[]',
    '"a"',
    '1',
    'true',
    ofSize(1025),
    ofSize(1025, 'é'),
    '{"n":1e400}',
    '{"n":-1e400}',
    '{"n":1e-400}',
    '{"n":12345678901234567890}',
    '{"n":9007199254740993}',
    '{"n":0.10000000000000000001}',
    '{"deep":[[{"n":1e999}]]}',
    '{"s":"a\\u0000b"}',
    '{"a\\u0000b":1}',
    '{"s":"\\ud800"}',
    '{"\\udc00":1}',
    '{"s":["\\udf0d\\ud83c"]}',
  ])('%s is refused', async (metadata) => {
    expect(await expectProblem(await sendRaw(metadata), 'invalid-input')).toMatchObject({
      errors: [{ pointer: '#/metadata', detail: expect.stringMatching(/^must /) }],
    })
  })

  test('of 1,024 bytes may be written with white space', async () => {
    const answer = await sendRaw(ofSize(1024).replace(':', ` :${' '.repeat(1000)}`))
    expect(answer.status).toBe(202)
  })

  test('that names a member twice is refused with the body', async () => {
    await expectProblem(await sendRaw('{"a":1,"a":2}'), 'malformed-request')
  })

  test('is in no log', async () => {
    const lines: string[] = []
    const logger = pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) })
    const logging = await createTestApi(database, {}, logger)
    const answer = await logging.request('/v1/users', post(`{${PERSON},"metadata":{"a":"a secret of the caller"}}`))
    expect(answer.status).toBe(202)
    expect(lines.length).toBeGreaterThan(0)
    expect(lines.join('')).not.toContain('a secret of the caller')
  })
})

const localeOf = async (locale: string | undefined, accept?: string, own = app) => {
  const body = { email: EMAIL, password: PASSWORD, ...(locale !== undefined && { locale }) }
  const headers = { ...(accept !== undefined && { 'accept-language': accept }) }
  return (await readUser(await own.request('/v1/users', post(body, headers)))).locale
}

describe('the locale', () => {
  test.each([
    ['de', 'de'],
    ['de-AT', 'de'],
    ['DE-at', 'de'],
    ['pt', 'pt-BR'],
    ['pt-PT', 'pt-BR'],
    ['zh', 'zh-Hans'],
    ['zh-CN', 'zh-Hans'],
    ['zh-SG', 'zh-Hans'],
    ['zh-Hans-CN', 'zh-Hans'],
    ['ja-JP-u-ca-japanese', 'ja'],
    ['fr-x-private', 'fr'],
    ['ko', 'en'],
    ['x-private', 'en'],
  ])('%s chooses %s', async (locale, language) => {
    expect(await localeOf(locale)).toBe(language)
  })

  test.each([
    ['fr-CH, fr;q=0.9, en;q=0.8, de;q=0.7, *;q=0.5', 'fr'],
    ['ko, ja;q=0.8, de;q=0.9', 'de'],
    ['ko, *', 'en'],
    ['de;q=0, it;q=0.001', 'it'],
    ['de ; q=0.1 , pl', 'pl'],
    ['de;q=2, nl', 'nl'],
    [', ,;q=1,not_a_tag,tr', 'tr'],
    ['', 'en'],
  ])('without one Accept-Language %j chooses %s', async (accept, language) => {
    expect(await localeOf(undefined, accept)).toBe(language)
  })

  test('of the body goes before Accept-Language, and what neither names is the default', async () => {
    expect(await localeOf('it', 'de')).toBe('it')
    const german = await createTestApi(database, { DEFAULT_LOCALE: 'de-AT' })
    expect(await localeOf(undefined, undefined, german)).toBe('de')
    expect(await localeOf('ko', 'ko', german)).toBe('de')
  })

  test.each(['', 'de_DE', 'd', 'de-', '-de', 'de DE', 'de\u0000', 'é', '*', 'de,fr', 'a'.repeat(300), 1, null, ['de']])(
    '%j is refused',
    async (locale) => {
      const answer = await app.request('/v1/users', post({ email: EMAIL, password: PASSWORD, locale }))
      const { errors } = await expectProblem(answer, 'invalid-input')
      expect(errors).toMatchObject([{ pointer: '#/locale' }])
    },
  )

  test('that nothing is written in is no default', async () => {
    await expect(createTestApi(database, { DEFAULT_LOCALE: 'ko' })).rejects.toThrow('DEFAULT_LOCALE')
    await expect(createTestApi(database, { DEFAULT_LOCALE: 'de_DE' })).rejects.toThrow('DEFAULT_LOCALE')
  })
})

test('every fault is named', async () => {
  const answer = await app.request('/v1/users', post({ email: 'nobody', password: 'x', locale: '_', metadata: 1 }))
  const { errors = [] } = await expectProblem(answer, 'invalid-input')
  expect(errors.map(({ pointer }) => pointer).toSorted()).toEqual(['#/email', '#/locale', '#/metadata', '#/password'])
})
