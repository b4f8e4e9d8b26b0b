import type { Hono } from 'hono'
import { describeRoute, generateSpecs } from 'hono-openapi'
import { forwardedPrefix } from '../../core/process/http/behind-proxy.ts'
import { describePage } from '../answers/openapi.ts'
import { nameComponents } from '../answers/openapi-components.ts'
import { webhooks } from '../answers/openapi-webhooks.ts'
import type { ApiEnv, ApiTools } from '../context.ts'

const documentDocs = describePage('readOpenApi', 'This document', 'application/json', {
  200: 'The OpenAPI 3.1 document of this API.',
})

const DESCRIPTION = `Registers people by e-mail address and password, and activates them with a code from a mail.

1. \`POST /v1/users\` answers 202; a mail with a code of 4 digits leaves.
2. \`POST /v1/users/{id}/activation\` with the code and HTTP Basic credentials, within a minute of the mail's sending, activates.

Problems are \`application/problem+json\` (RFC 9457); each type is explained under \`/problems/{slug}\`.`

type DocumentTools = Pick<ApiTools, 'serviceName' | 'passwordMinLength' | 'trustedProxies'>

/** `GET /openapi.json`, made once from the routes of the app; what could not be made is tried again by the next who asks. */
export const addOpenApi = (app: Hono<ApiEnv>, tools: DocumentTools): void => {
  let document: ReturnType<typeof makeDocument> | undefined
  app.get('/openapi.json', describeRoute(documentDocs), async (c) => {
    document ??= makeDocument(app, tools)
    const made = await document.catch((error: unknown) => {
      document = undefined
      throw error
    })
    const prefix = forwardedPrefix(c, tools.trustedProxies)
    return c.json(prefix === '' ? made : { ...made, servers: [{ url: prefix }] })
  })
}

const makeDocument = async (app: Hono<ApiEnv>, { serviceName, passwordMinLength }: DocumentTools) => {
  const document = await generateSpecs(app, {
    documentation: {
      openapi: '3.1.0',
      info: {
        title: serviceName,
        version: '1.0.0',
        description: DESCRIPTION,
        contact: { name: 'Who operates this service' },
        license: { name: 'MIT', identifier: 'MIT' },
      },
      servers: [{ url: '/' }],
      tags: [
        { name: 'users', description: 'Registrations' },
        { name: 'account', description: 'Active accounts, by address and password' },
        { name: 'events', description: 'What is posted to your own systems' },
        { name: 'problems', description: 'What went wrong' },
        { name: 'service', description: 'The service itself' },
      ],
      components: {
        securitySchemes: {
          basic: {
            type: 'http',
            scheme: 'basic',
            description: 'RFC 7617, UTF-8: the e-mail address and the password of this very registration.',
          },
        },
      },
    },
    defaultValidationErrorResponse: false,
    excludeStaticFile: false,
  })
  return { ...nameComponents(document, boundsOf(passwordMinLength)), webhooks }
}

/** Lengths count code points, as JSON Schema's do. */
const boundsOf = (passwordMinLength: number) => ({
  email: { format: 'email', maxLength: 254 },
  password: { minLength: passwordMinLength, maxLength: 256, format: 'password' },
  locale: { maxLength: 255, pattern: '^[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*$' },
  ref: { pattern: '^[A-Z0-9]{4}$' },
  metadata: { type: 'object', additionalProperties: true },
})
