import { type DescribeRouteOptions, resolver } from 'hono-openapi'
import type { GenericSchema } from 'valibot'
import { type ProblemSlug, problems } from './problems.ts'
import { problemSchema, userSchema } from './schemas.ts'

type Operation = {
  operationId: string
  summary: string
  description?: string
  body?: GenericSchema
  parameters?: NonNullable<DescribeRouteOptions['parameters']>
  success: 200 | 202 | 204
  headers?: string[]
  isProtected?: boolean
  /** The credentials are of an account, and the path names none. */
  security?: 'account'
  /** What its parts refuse with, beside what every route may. */
  problems: ProblemSlug[]
}

const EVERYWHERE: ProblemSlug[] = ['internal', 'unavailable']

/** A route of the public API in OpenAPI's words, from the schemas that check it and the table of problems. */
export const describeOperation = (operation: Operation): DescribeRouteOptions => ({
  operationId: operation.operationId,
  summary: operation.summary,
  tags: [operation.security ?? 'users'],
  ...(operation.description && { description: operation.description }),
  ...((operation.isProtected || operation.security) && { security: [{ basic: [] }] }),
  ...((operation.parameters || operation.isProtected) && {
    parameters: [...(operation.isProtected ? [idParameter] : []), ...(operation.parameters ?? [])],
  }),
  ...(operation.body && {
    requestBody: { required: true, content: { 'application/json': { schema: schemaOf(operation.body) } } },
  }),
  responses: {
    [operation.success]: {
      headers: headersOf(['X-Request-Id', ...(operation.headers ?? [])]),
      ...(operation.success === 204
        ? { description: 'It is done.' }
        : {
            description: 'The registration as it stands now.',
            content: { 'application/json': { schema: schemaOf(userSchema) } },
          }),
    },
    ...problemResponses([...operation.problems, ...EVERYWHERE]),
  },
})

const schemaOf = (schema: GenericSchema) => resolver(schema, { errorMode: 'ignore', typeMode: 'input' })

const idParameter = {
  name: 'id',
  in: 'path',
  required: true,
  description: 'The id of the registration.',
  schema: { type: 'string', format: 'uuid' },
} as const

const HEADERS: Record<string, string> = {
  'X-Request-Id': 'The id of this request in our logs; the caller may give it.',
  Location: 'The path of the registration.',
  'Retry-After': 'Seconds to wait before the next try.',
  RateLimit: "What is left of the client's budgets.",
  'RateLimit-Policy': "The client's budgets.",
  'WWW-Authenticate': 'Asks for HTTP Basic credentials in UTF-8.',
}

const headersOf = (names: string[]) =>
  Object.fromEntries(
    names.map((name) => [name, { description: HEADERS[name] ?? name, schema: { type: 'string' as const } }]),
  )

const PROBLEM_HEADERS: Partial<Record<number, string[]>> = {
  401: ['WWW-Authenticate'],
  429: ['Retry-After', 'RateLimit', 'RateLimit-Policy'],
  503: ['Retry-After'],
}

/** One response a status; it names all problems that have this status here. */
export const problemResponses = (slugs: ProblemSlug[]): NonNullable<DescribeRouteOptions['responses']> => {
  const statuses = [...new Set(slugs.map((slug) => problems[slug].status))]
  return Object.fromEntries(
    statuses.map((status) => {
      const here = slugs.filter((slug) => problems[slug].status === status)
      const description = here.map((slug) => `\`${slug}\`: ${problems[slug].meaning}`).join('\n\n')
      const examples = Object.fromEntries(here.map((slug) => [slug, { value: exampleOf(slug) }]))
      const headers = headersOf(['X-Request-Id', ...(PROBLEM_HEADERS[status] ?? [])])
      return [
        status,
        {
          description,
          headers,
          content: { 'application/problem+json': { schema: schemaOf(problemSchema), examples } },
        },
      ]
    }),
  )
}

const EXAMPLE_MEMBERS: Partial<Record<ProblemSlug, Record<string, unknown>>> = {
  'code-incorrect': { attemptsLeft: 2 },
  'invalid-input': { errors: [{ pointer: '#/email', detail: 'must be an e-mail address such as user@example.com' }] },
}

const exampleOf = (slug: ProblemSlug) => {
  const { title, status, meaning } = problems[slug]
  return {
    type: `/problems/${slug}`,
    title,
    status,
    detail: meaning,
    requestId: '6f1c8f0e-6a3c-4a0e-9d57-0a3d1c6f2b11',
    ...EXAMPLE_MEMBERS[slug],
  }
}

/** A page or document beside the users' routes: what it is, and what each status means. */
export const describePage = (
  operationId: string,
  summary: string,
  type: string,
  statuses: Record<number, string>,
): DescribeRouteOptions => ({
  operationId,
  summary,
  tags: ['service'],
  security: [],
  responses: {
    ...Object.fromEntries(
      Object.entries(statuses).map(([status, description]) => [
        status,
        { description, headers: headersOf(['X-Request-Id']), content: { [type]: {} } },
      ]),
    ),
    ...problemResponses(['method-not-allowed']),
  },
})
