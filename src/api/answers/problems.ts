import type { Context } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'

type Problem = { status: ContentfulStatusCode; title: string; meaning: string; advice: string }

/** Every problem type of the API (RFC 9457). The keys are the words that code, log and tests use. */
export const problems = {
  'malformed-request': {
    status: 400,
    title: 'Malformed request',
    meaning:
      'The body is not one JSON object in UTF-8, or it names a member twice; or the request itself is not HTTP that can be read in one way only.',
    advice: 'Send one JSON object with each member once, and let an HTTP client frame it.',
  },
  'code-incorrect': {
    status: 400,
    title: 'Incorrect code',
    meaning: 'The code is not the one that was sent. The attempt was counted; attemptsLeft tells how many are left.',
    advice: 'Type the code of the newest mail with the same reference, or ask for a new code when no attempt is left.',
  },
  unauthenticated: {
    status: 401,
    title: 'Authentication failed',
    meaning:
      'There is no registration with this id, e-mail address and password together, or no account with this address and password.',
    advice:
      'Send HTTP Basic credentials in UTF-8: the e-mail address and the password of this very registration or account.',
  },
  'not-found': {
    status: 404,
    title: 'Not found',
    meaning: 'No resource has this path.',
    advice: 'See /openapi.json for the paths.',
  },
  'method-not-allowed': {
    status: 405,
    title: 'Method not allowed',
    meaning: 'The resource exists, but not for this method.',
    advice: 'Use one of the methods in the Allow header.',
  },
  'already-active': {
    status: 409,
    title: 'Already active',
    meaning: 'An active registration needs no code.',
    advice: 'Nothing is left to do.',
  },
  'code-not-sent': {
    status: 409,
    title: 'No code has been sent yet',
    meaning: 'The mail with the code is still waiting to leave. No attempt was counted.',
    advice: 'Wait for the mail; GET the user to see when its code is sent.',
  },
  'code-expired': {
    status: 410,
    title: 'The code has expired',
    meaning: 'Its time is over, or it is an older code of this registration. No attempt was counted.',
    advice: 'Type the code of the newest mail, or ask for a new code.',
  },
  'code-exhausted': {
    status: 410,
    title: 'No attempts left',
    meaning: 'Too many wrong codes were sent for it.',
    advice: 'Ask for a new code.',
  },
  'payload-too-large': {
    status: 413,
    title: 'Payload too large',
    meaning: 'A body has at most 4 KiB.',
    advice: 'Send less.',
  },
  'unsupported-media-type': {
    status: 415,
    title: 'Unsupported media type',
    meaning: 'A body must be application/json, without content encoding.',
    advice: 'Send Content-Type: application/json and no Content-Encoding.',
  },
  'invalid-input': {
    status: 422,
    title: 'Invalid input',
    meaning: 'The body is JSON, but members are missing, unknown or not valid; errors names each by its JSON pointer.',
    advice: 'Correct what errors names and send it again.',
  },
  'idempotency-key-reused': {
    status: 422,
    title: 'Idempotency key reused',
    meaning: 'A registration with another body was made under this key within 24 hours.',
    advice: 'Use a new key for each new registration, and repeat a request with the very same body.',
  },
  'too-many-requests': {
    status: 429,
    title: 'Too many requests',
    meaning: 'A budget is used up for now.',
    advice: 'Wait for as many seconds as Retry-After says.',
  },
  internal: {
    status: 500,
    title: 'Internal server error',
    meaning: 'The request failed by a fault of the service.',
    advice: 'Try again later, with the same Idempotency-Key; report the requestId when it goes on.',
  },
  overloaded: {
    status: 503,
    title: 'Service overloaded',
    meaning: 'More work is waiting than can be done soon. Nothing was stored.',
    advice: 'Try again after as many seconds as Retry-After says.',
  },
  unavailable: {
    status: 503,
    title: 'Service unavailable',
    meaning: 'A part that the service needs cannot be reached. Nothing was stored.',
    advice: 'Try again after as many seconds as Retry-After says.',
  },
} satisfies Record<string, Problem>

export type ProblemSlug = keyof typeof problems

/** `status` is given where HTTP has a more exact one; `limit` names the limit that was used up: it is counted, not told. */
export type ProblemDetails = {
  status?: ContentfulStatusCode
  detail?: string
  members?: Record<string, unknown>
  headers?: Record<string, string>
  limit?: string
}

/** Ends a request with a problem from anywhere below its handler. */
export class RequestRefused extends Error {
  override name = 'RequestRefused' as const
  readonly slug: ProblemSlug
  readonly details: ProblemDetails

  constructor(slug: ProblemSlug, details: ProblemDetails = {}) {
    super(slug)
    this.slug = slug
    this.details = details
  }
}

/** The problems that a part of the API may answer with, and the way to do so: it takes no other word. OpenAPI lists them. */
export const refusals = <const Slugs extends readonly ProblemSlug[]>(...slugs: Slugs) => ({
  slugs,
  refuse: (slug: Slugs[number], details?: ProblemDetails) => new RequestRefused(slug, details),
})

/** The problem document of RFC 9457. */
export const problemResponse = (
  c: Context,
  slug: ProblemSlug,
  { status = problems[slug].status, detail, members, headers }: ProblemDetails = {},
): Response => {
  const { title, meaning } = problems[slug]
  const document = {
    type: `/problems/${slug}`,
    title,
    status,
    detail: detail ?? meaning,
    requestId: c.get('requestId'),
    ...members,
  }
  return c.body(JSON.stringify(document), status, { 'Content-Type': 'application/problem+json', ...headers })
}
