import { isObject } from '../../core/registration/metadata.ts'
import { type ProblemSlug, problems } from './problems.ts'

type Json = Record<string, unknown>

const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` })

/** `code-expired` is `CodeExpiredProblem`: generators make names of types from it. */
const nameOf = (slug: string): string =>
  `${slug.replace(/(?:^|-)(\w)/g, (_, letter: string) => letter.toUpperCase())}Problem`

const MORE: Partial<Record<ProblemSlug, Json>> = {
  'code-incorrect': { attemptsLeft: { type: 'integer', minimum: 0, description: 'How many attempts are left.' } },
  'invalid-input': {
    errors: {
      type: 'array',
      description: 'Every fault, by its JSON pointer.',
      items: {
        type: 'object',
        required: ['pointer', 'detail'],
        properties: { pointer: { type: 'string' }, detail: { type: 'string' } },
      },
    },
  },
}

const problem = {
  type: 'object',
  description: 'A problem document (RFC 9457).',
  required: ['type', 'title', 'status', 'detail', 'requestId'],
  properties: {
    type: { type: 'string', description: 'Explained under this path.' },
    title: { type: 'string' },
    status: { type: 'integer', minimum: 400 },
    detail: { type: 'string' },
    requestId: { type: 'string', pattern: '^[\\w.-]{1,64}$' },
  },
}

const problemOf = (slug: string, { title, status }: { title: string; status: number }): Json => {
  const more = Object.entries(MORE).find(([name]) => name === slug)?.[1] ?? {}
  const own = { type: { type: 'string', const: `/problems/${slug}` }, ...more }
  const members = { type: 'object', required: Object.keys(own), properties: own }
  return { description: `${title} (${status}).`, allOf: [ref('Problem'), members] }
}

const time = '2026-11-26T12:00:00.000Z'

/** A registration as an example of an answer. */
const exampleUser = {
  id: '4f6c1a52-9d0e-4c0b-8f2e-0d5a6c1b7e93',
  email: 'user@example.com',
  status: 'pending',
  ref: 'K7QX',
  locale: 'en',
  metadata: {},
  createdAt: time,
  activatedAt: null,
  code: {
    ...{ status: 'sent', sentAt: time, deliveredAt: null, expiresAt: '2026-11-26T12:01:00.000Z' },
    ...{ attemptsLeft: 3, resendAfter: '2026-11-26T12:00:30.000Z' },
  },
}

const objectAt = (value: unknown, ...path: string[]): Json => {
  const found = path.reduce<unknown>((at, name) => (isObject(at) ? at[name] : undefined), value)
  return isObject(found) ? found : {}
}

/** Changes each object within, the innermost first. */
const rewrite = (value: unknown, change: (object: Json) => Json): unknown => {
  if (Array.isArray(value)) return value.map((item) => rewrite(item, change))
  if (!isObject(value)) return value
  return change(Object.fromEntries(Object.entries(value).map(([name, member]) => [name, rewrite(member, change)])))
}

const isUser = (schema: Json) => 'activatedAt' in objectAt(schema, 'properties')
const isCode = (schema: Json) => 'resendAfter' in objectAt(schema, 'properties')

const withProblems = (content: Json): Json => {
  const own = objectAt(content, 'application/problem+json')
  const types = Object.keys(objectAt(own, 'examples')).map((slug) => ref(nameOf(slug)))
  const schema = types.length > 1 ? { oneOf: types } : types[0]
  return { ...content, 'application/problem+json': { ...own, schema } }
}

/** Gives the schemas that repeat their names, so that generators make one type of each, and examples to the answers. */
export const nameComponents = <Document extends object>(document: Document, bounds: Record<string, Json>): Document => {
  const found: Json = {}
  const named = rewrite(document, (object) => {
    if (isCode(object)) found.Code = object
    if (isUser(object)) found.User = object
    if (isCode(object)) return ref('Code')
    if (isUser(object)) return ref('User')
    if ('password' in objectAt(object, 'properties') || 'code' in objectAt(object, 'properties'))
      return bound(object, bounds)
    if ('application/problem+json' in object) return withProblems(object)
    return 'operationId' in object ? withSecurity(object) : object
  })
  const paths = rewrite(objectAt(named, 'paths'), (object) =>
    objectAt(object, 'schema').$ref === '#/components/schemas/User'
      ? { ...object, examples: { user: { value: exampleUser } } }
      : object,
  )
  const types = Object.entries(problems).map(([slug, about]) => [nameOf(slug), problemOf(slug, about)])
  const { responses: _, ...components } = objectAt(named, 'components')
  const schemas = {
    ...found,
    User: bound(objectAt(found, 'User'), bounds),
    Problem: problem,
    ...Object.fromEntries(types),
  }
  return { ...document, paths, components: { ...components, schemas } }
}

const withSecurity = (operation: Json): Json => ({
  security: [],
  description: `${operation.summary}.`,
  ...operation,
})

/** Adds the lengths and patterns that checks in code do not tell. */
const bound = (schema: Json, bounds: Record<string, Json>): Json => {
  const properties = Object.entries(objectAt(schema, 'properties')).map(([name, own]) => [
    name,
    isObject(own) && !('$ref' in own) && !('anyOf' in own) ? { ...own, ...bounds[name] } : own,
  ])
  return { ...schema, properties: Object.fromEntries(properties) }
}
