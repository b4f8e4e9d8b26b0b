import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { basic, PASSWORD } from '../support/api.ts'
import { expectRawProblem, type Person, type Service, startService } from './service.ts'
import { get, postOf, type RawAnswer, speak } from './speak.ts'

let service: Service
let ada: Person
beforeAll(async () => {
  service = await startService()
  ada = await service.register('ada@example.com')
})
afterAll(() => service.close())

const token = (value: string | Buffer) => Buffer.from(value).toString('base64')
const RIGHT = basic('ada@example.com')
const WRONG = basic('ada@example.com', 'not the password')

const ask = async (id: string, ...authorizations: string[]) => {
  const headers = authorizations.map((value) => `Authorization: ${value}`)
  const { answers } = await speak(service.url, get(`GET /v1/users/${id} HTTP/1.1`, 'X-Request-Id: same', ...headers))
  return answers[0]
}
/** All that a client can see of an answer except the time of day. */
const seen = (answer: RawAnswer | undefined) => ({ ...answer, headers: { ...answer?.headers, date: '' } })

const AMBIGUOUS: [attack: string, authorizations: string[]][] = [
  ['none', []],
  ['the right ones twice', [RIGHT, RIGHT]],
  ['right ones before wrong ones', [RIGHT, WRONG]],
  ['wrong ones before right ones', [WRONG, RIGHT]],
  ['two in one header', [`${RIGHT}, ${RIGHT}`]],
  ['an empty header', ['']],
  ['the scheme alone', ['Basic']],
  ['the scheme and a blank', ['Basic ']],
  ['another scheme', [RIGHT.replace('Basic', 'Bearer')]],
  ['no scheme', [RIGHT.slice(6)]],
  ['a tab for the blank', [RIGHT.replace(' ', '\t')]],
  ['parameters', [`${RIGHT} charset="UTF-8"`]],
  ['no colon', [`Basic ${token('ada@example.com')}`]],
  ['only a colon', [`Basic ${token(':')}`]],
  ['no Base64', ['Basic !!!!']],
  ['Base64 with a star in it', [RIGHT.replace('Basic ', 'Basic *')]],
  ['Base64 with too many paddings', [`Basic ${token('ada@example.com:x')}===`]],
  ['Base64 for URLs', [`Basic ${token('ada@example.com:??>>??>>').replaceAll('/', '_').replaceAll('+', '-')}`]],
  ['Latin-1', [`Basic ${token(Buffer.from('ada@example.com:café au lait', 'latin1'))}`]],
  ['invalid UTF-8', [`Basic ${token(Buffer.from([0x61, 0x3a, 0xff, 0xfe]))}`]],
  ['a byte order mark', [`Basic ${token(`\ufeffada@example.com:${PASSWORD}`)}`]],
  ['a NUL behind the password', [basic('ada@example.com', `${PASSWORD}\0`)]],
  ['a line feed in the address', [basic('ada@example.com\n')]],
  ['a DEL in the password', [basic('ada@example.com', `${PASSWORD}\x7f`)]],
  ['a blank behind the password', [basic('ada@example.com', `${PASSWORD} `)]],
  ['another address', [basic('eve@example.com')]],
  ['the address with a tag', [basic('ada+x@example.com')]],
  ['a password of 8 KB', [basic('ada@example.com', 'x'.repeat(8000))]],
]

test.each(AMBIGUOUS)('%s: the one 401, byte by byte', async (_, authorizations) => {
  const answer = await ask(ada.id, ...authorizations)
  expectRawProblem(answer, 401, 'unauthenticated')
  expect(seen(answer)).toEqual(seen(await ask(ada.id, WRONG)))
})

test.each([
  ['an unknown id', randomUUID()],
  ['a malformed id', 'me'],
  ['the nil id', '00000000-0000-0000-0000-000000000000'],
])('%s and a wrong password look alike to a byte', async (_, id) => {
  expect(seen(await ask(id, RIGHT))).toEqual(seen(await ask(ada.id, WRONG)))
})

test.each(['/codes', '/activation'])('unknown and wrong look alike to a byte at POST %s too', async (path) => {
  const send = async (id: string, authorization: string) => {
    const headers = [`Authorization: ${authorization}`, 'X-Request-Id: same']
    const { answers } = await speak(service.url, postOf(`/v1/users/${id}${path}`, '{"code":"0000"}', ...headers))
    return seen(answers[0])
  }
  const wrong = await send(ada.id, WRONG)
  expect(wrong.status).toBe(401)
  expect(await send(randomUUID(), RIGHT)).toEqual(wrong)
})

test.each([
  ['in lower case', RIGHT.replace('Basic', 'basic')],
  ['after several blanks', RIGHT.replace(' ', '   ')],
  ['before blanks', `${RIGHT}  `],
  ['without padding', RIGHT.replace(/=+$/, '')],
  ['with the address in capitals', basic('ADA@EXAMPLE.COM')],
])('right credentials %s are right', async (_, authorization) => {
  expect((await ask(ada.id, authorization))?.status).toBe(200)
})

test('credentials in the URL are refused', async () => {
  for (const user of ['ada%40example.com:url-secret', 'ada', ':url-secret']) {
    const { answers } = await speak(service.url, get(`GET http://${user}@latchkey/v1/users/${ada.id} HTTP/1.1`))
    expectRawProblem(answers[0], 400, 'malformed-request')
  }
})

test('no answer and no log shows a password, a header or a whole address of a refused request', () => {
  for (const secret of [PASSWORD, 'not the password', RIGHT.slice(6), 'url-secret', 'ada@example.com'])
    expect(service.log()).not.toContain(secret)
})
