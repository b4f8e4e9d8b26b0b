import type { Context } from 'hono'
import { mailboxOf } from '../../core/credentials/email-address.ts'
import { chooseLanguage, readAcceptLanguage } from '../../core/mail/writing/languages.ts'
import { register, registrationRefusals } from '../../core/registration/register.ts'
import { describeOperation } from '../answers/openapi.ts'
import { refusals } from '../answers/problems.ts'
import { registrationSchema } from '../answers/schemas.ts'
import type { ApiEnv, ApiTools } from '../context.ts'
import { failedLogins, mailsOf } from '../limits/limits.ts'
import { bodyRefusals, checkBody, checkMediaType, readObject } from '../request/read-body.ts'
import { requestNetwork } from '../request/request-network.ts'

const { refuse, slugs } = refusals(...registrationRefusals)

const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,255}$/

/** Whether the address is known is looked at nowhere here: each registration stands alone. */
export const registerUser = (tools: ApiTools) => {
  const schema = registrationSchema(tools.passwordMinLength)
  return async (c: Context<ApiEnv>): Promise<Response> => {
    // In a flood the refusal must cost next to nothing.
    tools.hasher.checkRoom('registration')
    checkMediaType(c)
    const idempotencyKey = readIdempotencyKey(c)
    const body = await readObject(c)
    const { email, password, locale, metadata = {} } = checkBody(body, schema)
    const network = requestNetwork(c, tools)
    const budget = tools.limits.of(['registrations-per-net', network], ...mailsOf(mailboxOf(email), network))
    const registered = await register(tools, {
      ...{ email, password, metadata, body, locale: chooseLocale(tools, c, locale) },
      ...{ idempotencyKey, budget, requestId: c.get('requestId'), signal: c.req.raw.signal },
      logins: (userId) => failedLogins(tools.limits, userId, network),
    })
    if (typeof registered === 'string') throw refuse(registered)
    const { user, isNew, counted } = registered
    if (isNew) tools.metrics.registrations.inc()
    return c.json(user, 202, { Location: `/v1/users/${user.id}`, ...(isNew && budget.fieldsOf(counted)) })
  }
}

const chooseLocale = ({ languages }: ApiTools, c: Context, locale: string | undefined): string => {
  const accepted = readAcceptLanguage(c.req.header('accept-language'))
  return chooseLanguage(languages, locale === undefined ? accepted : [locale, ...accepted])
}

const readIdempotencyKey = (c: Context<ApiEnv>): string | null => {
  const key = c.req.header('idempotency-key')
  if (key === undefined) return null
  if (IDEMPOTENCY_KEY.test(key)) return key
  throw bodyRefusals.refuse('invalid-input', {
    detail: 'The Idempotency-Key header must be 1 to 255 visible ASCII characters.',
    members: {
      errors: [{ pointer: '#', detail: 'the Idempotency-Key header must be 1 to 255 visible ASCII characters' }],
    },
  })
}

export const registerUserDocs = (passwordMinLength: number) =>
  describeOperation({
    operationId: 'registerUser',
    summary: 'Register a person and mail the activation code',
    description:
      'The answer is the same whether the address is known or not. The mail leaves a moment later; GET the user to follow it.',
    body: registrationSchema(passwordMinLength),
    success: 202,
    headers: ['Location', 'RateLimit', 'RateLimit-Policy'],
    parameters: [
      {
        name: 'Idempotency-Key',
        in: 'header',
        required: false,
        description: 'Kept for 24 hours: the same key and body answer with the same user and send nothing new.',
        schema: { type: 'string', minLength: 1, maxLength: 255, pattern: '^[\\x21-\\x7e]+$' },
      },
    ],
    problems: [...bodyRefusals.slugs, ...slugs, 'too-many-requests', 'overloaded'],
  })
