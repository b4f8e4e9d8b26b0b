import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type MailSandbox, startMailSandbox } from '../../dev/mail-sandbox/mail-sandbox.ts'
import { PASSWORD } from '../support/api.ts'
import { expectOwnAnswer, expectRawProblem, type Service, startService } from './service.ts'
import { get, postOf, speak } from './speak.ts'

let service: Service
let sandbox: MailSandbox
beforeAll(async () => {
  service = await startService({ hasWorker: true, environment: { OPS_USER: 'ops', OPS_PASSWORD: 'ops' } })
  sandbox = await startMailSandbox({ port: 0, host: '127.0.0.1', apiKey: 'sandbox-key' })
})
afterAll(async () => {
  await sandbox.close()
  await service.close()
})

const ask = async (line: string, ...headers: string[]) => {
  const { answers } = await speak(service.url, get(line, ...headers))
  return answers[0]
}

test.each(['PUT', 'PATCH', 'DELETE', 'TRACE', 'OPTIONS', 'QUERY', 'PURGE', 'PROPFIND', 'LINK', 'SOURCE'])(
  '%s is not allowed, and Allow says what is',
  async (method) => {
    const answer = await ask(`${method} /v1/users HTTP/1.1`)
    expectRawProblem(answer, 405, 'method-not-allowed')
    expect(answer?.headers.allow).toBe('POST')
  },
)

test.each(['get', 'Get', 'FOO', 'GET\t', 'GE T', '__proto__', 'constructor', 'G\0ET', 'POST/'])(
  'the method %j is not read at all',
  async (method) => {
    expectRawProblem(await ask(`${method} /livez HTTP/1.1`), 400, 'malformed-request')
  },
)

test('CONNECT opens no tunnel: the connection ends', async () => {
  const heard = await speak(service.url, get('CONNECT example.com:443 HTTP/1.1'))
  expect(heard).toEqual({ answers: [], isClosed: true })
})

test('TRACE gives back nothing of what it was sent', async () => {
  const answer = await ask('TRACE /livez HTTP/1.1', 'Cookie: secret=1', 'Authorization: Basic YTpi')
  expect(answer?.status).toBe(405)
  expect(JSON.stringify(answer)).not.toMatch(/secret|YTpi/)
})

test.each(['X-HTTP-Method-Override', 'X-HTTP-Method', 'X-Method-Override'])('%s changes no method', async (name) => {
  expectRawProblem(await ask('GET /v1/users HTTP/1.1', `${name}: POST`), 405, 'method-not-allowed')
})

test('?_method changes no method', async () => {
  expectRawProblem(await ask('GET /v1/users?_method=POST HTTP/1.1'), 405, 'method-not-allowed')
})

test.each(['/livez', '/nothing', '/v1/users/x'])('HEAD %s has the headers of a GET and no body', async (path) => {
  const head = await speak(service.url, get(`HEAD ${path} HTTP/1.1`), { isHead: true })
  const whole = await ask(`GET ${path} HTTP/1.1`)
  expect(head.answers.map(({ status }) => status)).toEqual([whole?.status])
  const namesOf = (headers = {}) => new Set([...Object.keys(headers), 'content-length'])
  expect(namesOf(head.answers[0]?.headers)).toEqual(namesOf(whole?.headers))
})

/** Paths that a proxy before us may take for others than we do. */
const SEVERAL_WAYS = [
  '//v1/users',
  '/v1//users',
  '/v1/users//',
  '//',
  '/v1%2fusers',
  '/v1%2Fusers',
  '/v1%5cusers',
  '/v1%5Cusers',
  '/v1\\users',
  '/livez/../nothing',
  '/v1/../livez',
  '/v1/./users',
  '/v1/users/..',
  '/v1/users/.',
  '/%2e/livez',
  '/v1/users/%2e%2e/users',
  '/v1/users/.%2e/users',
  '/v1/users/%2E%2e/users',
  '/v1/users/%2e./users',
  '/docs/..%2f..%2fpackage.json',
  '/docs/%2e%2e/%2e%2e/etc/passwd',
  `/${'%2e%2e/'.repeat(2000)}x`,
  '/v1/%75sers',
  '/%76%31/users',
  '/%6Civez',
  '/metric%73',
  '/livez%2E',
  '/problems/not%2dfound',
  'http://latchkey/v1/%2e%2e/livez',
  'http://latchkey//livez',
]

describe('paths', () => {
  test.each([
    '/v1/users/',
    '/V1/USERS',
    '/v1/users;x=1',
    '/v1/users%00',
    '/v1/users%20',
    '/v1/users%0d%0aX:1',
    '/%zz',
    '/.git/config',
    '/__proto__',
    '/problems/__proto__',
    '/problems/constructor',
    '/metrics',
    '/dashboard',
    `/${'a'.repeat(15_000)}`,
    `/${'a/'.repeat(7000)}`,
  ])('%.60s is not there', async (path) => {
    expectRawProblem(await ask(`GET ${path} HTTP/1.1`), 404, 'not-found')
  })

  test.each([
    'livez',
    '\\livez',
    '/a\\..\\livez',
    '*',
    '?livez',
    '/li vez',
    '/\u00e4',
    '/\0',
    'ftp://latchkey/livez',
    'http://',
    ...SEVERAL_WAYS,
  ])('%j is no path that can be read', async (path) => {
    expectRawProblem(await ask(`GET ${path} HTTP/1.1`), 400, 'malformed-request')
  })

  test('a registration is made under no other spelling of its path', async () => {
    const body = JSON.stringify({ email: 'ada@example.com', password: PASSWORD })
    for (const path of ['/v1/users/%2e%2e/users', '/v1/./users', '//v1/users', '/v1/users/x/..', '/v1/%75sers']) {
      const { answers } = await speak(service.url, postOf(path, body, 'X-Request-Id: mine'))
      expectRawProblem(answers[0], 400, 'malformed-request')
      expect(answers[0]?.headers['x-request-id']).toBe('mine')
    }
    expect((await service.database.pool.query('select 1 from users')).rowCount).toBe(0)
  })

  test.each([...SEVERAL_WAYS, '/dashboard/%2e%2e/metrics', '/dashboard//', '/metrics/..%2fdashboard'])(
    "%.60s is refused on the operators' ports too, and in the mail sandbox",
    async (path) => {
      expect(service.opsUrls).toHaveLength(2)
      for (const url of [...service.opsUrls, sandbox.url]) {
        const { answers } = await speak(url, get(`GET ${path} HTTP/1.1`))
        expect([url, answers[0]?.status]).toEqual([url, 400])
      }
    },
  )

  test('one of 20 KB is too large', async () => {
    expectRawProblem(await ask(`GET /${'a'.repeat(20_000)} HTTP/1.1`), 431, 'malformed-request')
  })

  test.each(['/livez?x=1', '/livez?__proto__[x]=1', '/livez?next=//a/../b%2f%5c\\', 'http://evil.example/livez'])(
    '%s leads to the one resource that it names',
    async (path) => {
      const answer = await ask(`GET ${path} HTTP/1.1`)
      expect([answer?.status, answer?.body]).toEqual([200, '{"status":"ok"}'])
      if (answer) expectOwnAnswer(answer)
    },
  )

  test.each(['%E0%A4%A', '%00', '%ff', "'%20or%201=1--", '...', '[object%20Object]', '0', '__proto__', 'NaN'])(
    'the id %s is no more and no less than an unknown one',
    async (id) => {
      const credentials = 'Authorization: Basic YWRhQGV4YW1wbGUuY29tOmNvcnJlY3QgaG9yc2U='
      expectRawProblem(await ask(`GET /v1/users/${id} HTTP/1.1`, credentials), 401, 'unauthenticated')
    },
  )
})

test.each(['X-Original-URL', 'X-Rewrite-URL', 'X-Forwarded-Prefix', 'X-Forwarded-Path'])(
  '%s changes no path',
  async (name) => {
    expectRawProblem(await ask('GET /nothing HTTP/1.1', `${name}: /livez`), 404, 'not-found')
  },
)
