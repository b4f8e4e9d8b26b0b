import { beforeAll, describe, expect, test } from 'vitest'
import { readUser } from '../support/answers.ts'
import { basic, createTestApi, PASSWORD, post } from '../support/api.ts'
import { shareTestDatabase } from '../support/database.ts'
import { type App, expectProblem, read } from './api-client.ts'

const database = shareTestDatabase()
let app: App
beforeAll(async () => {
  app = await createTestApi(database)
})

const send = (email: string, password = PASSWORD) => app.request('/v1/users', post({ email, password }))

describe('e-mail addresses', () => {
  test.each([
    ['user@example.com', 'user@example.com'],
    ['USER@EXAMPLE.COM', 'user@example.com'],
    ['first.last+tag@sub.example.co.uk', 'first.last+tag@sub.example.co.uk'],
    ["o'brien!#$%&*/=?^_`{|}~-@example.com", "o'brien!#$%&*/=?^_`{|}~-@example.com"],
    ['1@2.example', '1@2.example'],
    ['ada@bücher.example', 'ada@xn--bcher-kva.example'],
    ['ada@BÜCHER.example', 'ada@xn--bcher-kva.example'],
    ['ada@bu\u0308cher.example', 'ada@xn--bcher-kva.example'],
    ['ada@XN--BCHER-KVA.example', 'ada@xn--bcher-kva.example'],
    ['ada@пример.рф', 'ada@xn--e1afmkfd.xn--p1ai'],
    ['ada@例え。テスト', 'ada@xn--r8jz45g.xn--zckzah'],
    [`${'a'.repeat(64)}@example.com`, `${'a'.repeat(64)}@example.com`],
    [`a@${'b'.repeat(63)}.example`, `a@${'b'.repeat(63)}.example`],
    [addressOf(254), addressOf(254)],
  ])('%s is stored as %s', async (typed, stored) => {
    const answer = await send(typed)
    expect(answer.status).toBe(202)
    const user = await answer.json()
    expect(user).toMatchObject({ email: stored })
    expect(
      (await app.request(answer.headers.get('location') ?? '', { headers: { authorization: basic(typed) } })).status,
    ).toBe(200)
  })

  test.each([
    '',
    ' ',
    '@',
    'user',
    'user@',
    '@example.com',
    'user@@example.com',
    'a@b@example.com',
    'user@localhost',
    'user@com',
    ' user@example.com',
    'user@example.com ',
    'user@example.com\n',
    '\tuser@example.com',
    'us er@example.com',
    'user@exam ple.com',
    'user@example..com',
    'user@.example.com',
    'user@example.com.',
    '.user@example.com',
    'user.@example.com',
    'us..er@example.com',
    '"user"@example.com',
    '"a b"@example.com',
    'user(c)@example.com',
    'user@(c)example.com',
    'user@[127.0.0.1]',
    'user@127.0.0.1',
    'user@[IPv6:::1]',
    'user@0x7f.1',
    'user@2130706433',
    'user@-example.com',
    'user@example-.com',
    'user@exam_ple.com',
    'user@ab--cd.com',
    'user@xn--a.com',
    'user@example.c',
    'user@example.123',
    'üser@example.com',
    'user\u0000@example.com',
    'user@example.com\u0000',
    'user@exa\u200bmple',
    'a@example.com,b@example.com',
    'a@example.com;b@example.com',
    'Ada <a@example.com>',
    '<a@example.com>',
    'mailto:a@example.com',
    'a@example.com\r\nBcc: b@example.com',
    'user\uff20example.com',
    'user%40example.com',
    `${'a'.repeat(65)}@example.com`,
    `a@${'b'.repeat(64)}.example`,
    addressOf(255),
  ])('%j is no address', async (email) => {
    const problem = await expectProblem(await send(email), 'invalid-input')
    expect(problem.errors?.map(({ pointer }) => pointer)).toEqual(['#/email'])
  })

  test('a lone surrogate is no part of an address', async () => {
    const answer = await app.request('/v1/users', post(`{"email":"a\\ud800@example.com","password":"${PASSWORD}"}`))
    await expectProblem(answer, 'invalid-input')
  })
})

describe('passwords', () => {
  test.each([
    ['8 characters', 'kT9#qz!b'],
    ['256 characters', 'kT9#'.repeat(64)],
    ['8 code points of two code units', '🦄🐙🦕🐡🦉🐝🦔🐢'],
    ['256 code points of two code units', '🦄🐙🦕🐡'.repeat(64)],
    ['spaces at both ends', '  kT9#qz!b  '],
    ['only spaces', ' '.repeat(9)],
    ['a colon', 'kT9#:qz:!b'],
    ['non-ASCII letters', 'пароль-жираф-ß'],
    ['a zero-width joiner', '👩‍🚀 kT9#qz!b'],
    ['quotes and backslashes', String.raw`kT9"\q'z!b`],
  ])('one with %s is taken and opens the registration', async (_, password) => {
    const answer = await send('ada@example.com', password)
    expect(answer.status).toBe(202)
    const user = await readUser(answer)
    expect((await read(app, user, password)).status).toBe(200)
    await expectProblem(await read(app, user, `${password}x`), 'unauthenticated')
    await expectProblem(await read(app, user, password.slice(0, -1)), 'unauthenticated')
  })

  test.each([
    ['none', ''],
    ['7 characters', 'kT9#qz!'],
    ['7 code points of two code units', '🦄🐙🦕🐡🦉🐝🦔'],
    ['7 characters in NFC, 8 in NFD', 'kT9#qzu\u0308'],
    ['257 characters', `x${'kT9#'.repeat(64)}`],
    ['a line feed', 'kT9#qz!b\n'],
    ['a NUL', 'kT9#\u0000qz!b'],
    ['a DEL', 'kT9#\u007fqz!b'],
    ['a C1 control', 'kT9#\u0085qz!b'],
    ['a well-known one', 'password'],
    ['a well-known one in capitals', 'PassWord1'],
    ['a row of digits', '12345678'],
    ['the address', 'ada@example.com'],
    ['the address in capitals', 'ADA@Example.com'],
  ])('%s is refused', async (_, password) => {
    const problem = await expectProblem(await send('ada@example.com', password), 'invalid-input')
    expect(problem.errors).toEqual([{ pointer: '#/password', detail: expect.stringMatching(/\S/) }])
  })

  test('the address as it was typed is refused too when its domain is not ASCII', async () => {
    await expectProblem(await send('ada@bücher.example', 'ada@bücher.example'), 'invalid-input')
  })

  test.each(['\\ud800', '\\udc00', '\\ude00\\ud83d'])('a lone surrogate %s is refused', async (escaped) => {
    const body = `{"email":"ada@example.com","password":"kT9#qz!b${escaped}"}`
    const problem = await expectProblem(await app.request('/v1/users', post(body)), 'invalid-input')
    expect(problem.errors?.map(({ pointer }) => pointer)).toEqual(['#/password'])
  })

  test.each([
    { typed: 'cafe\u0301-girafe', later: 'café-girafe' },
    { typed: 'café-girafe', later: 'cafe\u0301-girafe' },
    { typed: '각각각각각각각각', later: '각각각각각각각각'.normalize('NFD') },
  ])('$typed opens it in the other Unicode form too', async ({ typed, later }) => {
    const user = await readUser(await send('ada@example.com', typed))
    expect((await read(app, user, later)).status).toBe(200)
  })

  test('passwords with the same first 72 bytes are two', async () => {
    const user = await readUser(await send('ada@example.com', `${'kT9#'.repeat(18)}a`))
    await expectProblem(await read(app, user, `${'kT9#'.repeat(18)}b`), 'unauthenticated')
  })

  test('the least length can be set', async () => {
    const strict = await createTestApi(database, { PASSWORD_MIN_LENGTH: '12' })
    const body = { email: 'ada@example.com', password: 'kT9#qz!bkT9' }
    await expectProblem(await strict.request('/v1/users', post(body)), 'invalid-input')
    expect((await strict.request('/v1/users', post({ ...body, password: 'kT9#qz!bkT9#' }))).status).toBe(202)
  })
})

/** A valid address but for its length. */
function addressOf(length: number) {
  const labels = `${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(60)}.example`
  return `${'a'.repeat(length - labels.length - 1)}@${labels}`
}
