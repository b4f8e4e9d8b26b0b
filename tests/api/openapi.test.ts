import { Validator } from '@seriousme/openapi-schema-validator'
import * as v from 'valibot'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { basic, createTestApi, PASSWORD, post } from '../support/api.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { type App, activate, otherThan, read, registerAndActivate, registerAndDeliver, resend } from './api-client.ts'
import { resolveReferences, schemaFaults, targetOf } from './json-schema.ts'
import { documentOf } from './openapi-document.ts'

let database: TestDatabase
let app: App
let raw: unknown
let document: v.InferOutput<typeof documentOf>

beforeAll(async () => {
  database = await createTestDatabase()
  app = await createTestApi(database)
  raw = await (await app.request('/openapi.json')).json()
  document = v.parse(documentOf, resolveReferences(raw))
})
afterAll(() => database.drop())

const operation = (method: string, path: string) => document.paths[path]?.[method.toLowerCase()]
const response = (method: string, path: string, status: number) => operation(method, path)?.responses[status]

test('it is a valid OpenAPI 3.1 document', async () => {
  const validator = new Validator()
  const copy = v.parse(v.record(v.string(), v.unknown()), structuredClone(raw))
  expect(await validator.validate(copy)).toMatchObject({ valid: true })
  expect(validator.version).toBe('3.1')
  expect(document.openapi).toMatch(/^3\.1\./)
})

test('no reference dangles', () => {
  const references = [...JSON.stringify(raw).matchAll(/"\$ref":"([^"]+)"/g)].map(([, reference = '']) => reference)
  for (const reference of references) {
    expect([reference, targetOf(raw, reference)]).not.toEqual([reference, undefined])
  }
})

test('it knows the Basic scheme, and operations have ids of their own', () => {
  expect(document.components.securitySchemes).toMatchObject({ basic: { type: 'http', scheme: 'basic' } })
  const ids = Object.values(document.paths).flatMap((path) => Object.values(path).map(({ operationId }) => operationId))
  expect(new Set(ids).size).toBe(ids.length)
})

const ALWAYS = ['internal', 'overloaded', 'unavailable']
const ROUTES: { route: string; success: number; isProtected?: boolean; hasBody?: boolean; slugs: string[] }[] = [
  {
    route: 'POST /v1/users',
    success: 202,
    hasBody: true,
    slugs: [
      ...['malformed-request', 'unsupported-media-type', 'payload-too-large', 'invalid-input'],
      ...['idempotency-key-reused', 'too-many-requests', ...ALWAYS],
    ],
  },
  {
    route: 'GET /v1/users/{id}',
    success: 200,
    isProtected: true,
    slugs: ['unauthenticated', 'too-many-requests', ...ALWAYS],
  },
  {
    route: 'POST /v1/users/{id}/codes',
    success: 202,
    isProtected: true,
    slugs: ['unauthenticated', 'already-active', 'payload-too-large', 'too-many-requests', ...ALWAYS],
  },
  {
    route: 'POST /v1/users/{id}/activation',
    success: 200,
    isProtected: true,
    hasBody: true,
    slugs: [
      ...['malformed-request', 'code-incorrect', 'unauthenticated', 'code-not-sent', 'code-expired', 'code-exhausted'],
      ...['unsupported-media-type', 'payload-too-large', 'invalid-input', 'too-many-requests', ...ALWAYS],
    ],
  },
  { route: 'GET /problems/{slug}', success: 200, slugs: ['not-found'] },
  ...['/openapi.json', '/docs', '/livez', '/readyz'].map((path) => ({
    route: `GET ${path}`,
    success: 200,
    slugs: ['method-not-allowed'],
  })),
]

describe.each(ROUTES)('$route', ({ route, success, isProtected = false, hasBody = false, slugs }) => {
  const [method = '', path = ''] = route.split(' ')

  test('is described', () => {
    expect(operation(method, path)).toBeDefined()
    expect(response(method, path, success)).toBeDefined()
    expect(operation(method, path)?.security).toEqual(isProtected ? [{ basic: [] }] : [])
    expect(operation(method, path)?.requestBody !== undefined).toBe(hasBody)
  })

  test('names each of its problems under its status, with an example that fits the schema', () => {
    const found = Object.entries(operation(method, path)?.responses ?? {}).flatMap(([status, { content }]) => {
      const { examples = {}, schema } = content['application/problem+json'] ?? {}
      return Object.entries(examples).map(([slug, example]) => {
        const { value } = v.parse(v.object({ value: v.looseObject({ status: v.number() }) }), example)
        expect(schemaFaults(schema, value)).toEqual([])
        expect(value).toMatchObject({ type: `/problems/${slug}`, status: Number(status) })
        return slug
      })
    })
    expect(found.toSorted()).toEqual(slugs.toSorted())
  })
})

test.each(ROUTES.filter(({ slugs }) => slugs.includes('too-many-requests')))(
  '$route names the headers of its problems',
  ({ route, isProtected }) => {
    const [method = '', path = ''] = route.split(' ')
    const headersOf = (status: number) => Object.keys(response(method, path, status)?.headers ?? {})
    expect(headersOf(429)).toEqual(
      expect.arrayContaining(['Retry-After', 'RateLimit', 'RateLimit-Policy', 'X-Request-Id']),
    )
    expect(headersOf(503)).toContain('Retry-After')
    expect(headersOf(401).includes('WWW-Authenticate')).toBe(isProtected === true)
  },
)

describe('real answers fit their schemas', () => {
  const check = async (method: string, path: string, answer: Response) => {
    const type = answer.headers.get('content-type') ?? ''
    const schema = response(method, path, answer.status)?.content[type]?.schema
    expect([type, answer.status, schema]).toEqual([type, answer.status, expect.anything()])
    expect(schemaFaults(schema, await answer.json())).toEqual([])
  }
  const USERS = '/v1/users'
  const send = (body: unknown) => app.request(USERS, post(body))

  test('of registrations', async () => {
    await check('POST', USERS, await send({ email: 'ada@example.com', password: PASSWORD }))
    await check('POST', USERS, await send({ email: 'ada@bücher.example', password: PASSWORD }))
    await check('POST', USERS, await send({ email: "o'neil{x}@example.com", password: PASSWORD }))
    await check('POST', USERS, await send({ email: 'nobody' }))
    await check('POST', USERS, await send('{'))
  })

  test('of a registration on its way to being active', async () => {
    const user = await registerAndDeliver(app, database, 'grace@example.com')
    await check('GET', `${USERS}/{id}`, await read(app, user))
    await check('GET', `${USERS}/{id}`, await read(app, user, 'wrong password'))
    await check('POST', `${USERS}/{id}/codes`, await resend(app, user))
    await check('POST', `${USERS}/{id}/activation`, await activate(app, user, otherThan(user.code)))
    await check('POST', `${USERS}/{id}/activation`, await activate(app, user, user.code))
    await check('GET', `${USERS}/{id}`, await read(app, user))
  })

  test('of an active user', async () => {
    const user = await registerAndActivate(app, database, 'active@example.com')
    await check('POST', `${USERS}/{id}/codes`, await resend(app, user))
    const headers = { authorization: basic(user.email) }
    await check('GET', `${USERS}/{id}`, await app.request(`${USERS}/${user.id}`, { headers }))
  })

  test('the body of a registration is described as it is checked', () => {
    const schema = operation('POST', USERS)?.requestBody?.content['application/json']?.schema
    expect(schemaFaults(schema, { email: 'ada@example.com', password: PASSWORD })).toEqual([])
    expect(schemaFaults(schema, { email: 'ada@example.com' })).not.toEqual([])
    expect(schemaFaults(schema, { email: 'ada@example.com', password: PASSWORD, more: 1 })).not.toEqual([])
    expect(schemaFaults(schema, { email: 'ada@example.com', password: 1 })).not.toEqual([])
  })

  test.each([
    { code: '0427', isGood: true },
    { code: '04270427', isGood: true },
    { code: '12a4', isGood: false },
    { code: 427, isGood: false },
  ])('a code $code is described as it is checked', ({ code, isGood }) => {
    const schema = operation('POST', `${USERS}/{id}/activation`)?.requestBody?.content['application/json']?.schema
    expect(schemaFaults(schema, { code }).length === 0).toBe(isGood)
  })
})

test('names what is posted to other systems, each with its type, and no more than its id of a deleted user', () => {
  const { webhooks } = v.parse(
    v.object({ webhooks: v.record(v.string(), v.object({ post: v.looseObject({ operationId: v.string() }) })) }),
    document,
  )
  expect(Object.keys(webhooks).toSorted()).toEqual([
    'mail.undeliverable',
    'user.activated',
    'user.deleted',
    'user.password-changed',
  ])
})
