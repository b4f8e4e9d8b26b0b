import type { Hono } from 'hono'
import { describeRoute, generateSpecs } from 'hono-openapi'
import { forwardedPrefix } from '../../core/process/http/behind-proxy.ts'
import type { Network } from '../../core/process/http/client-network.ts'
import { describePage, problemResponses } from '../answers/openapi.ts'
import type { ApiEnv } from '../context.ts'

const documentDocs = describePage('readOpenApi', 'This document', 'application/json', {
  200: 'The OpenAPI 3.1 document of this API.',
})

const DESCRIPTION = `Registers people by e-mail address and password, and activates them with a code from a mail.

1. \`POST /v1/users\` answers 202; a mail with a code of 4 digits leaves.
2. \`POST /v1/users/{id}/activation\` with the code and HTTP Basic credentials, within a minute of the mail's sending, activates.

Problems are \`application/problem+json\` (RFC 9457); each type is explained under \`/problems/{slug}\`.`

/** `GET /openapi.json`, made once from the routes of the app; what could not be made is tried again by the next who asks. */
export const addOpenApi = (app: Hono<ApiEnv>, trustedProxies: Network[]): void => {
  let document: ReturnType<typeof makeDocument> | undefined
  app.get('/openapi.json', describeRoute(documentDocs), async (c) => {
    document ??= makeDocument(app)
    const made = await document.catch((error: unknown) => {
      document = undefined
      throw error
    })
    const prefix = forwardedPrefix(c, trustedProxies)
    return c.json(prefix === '' ? made : { ...made, servers: [{ url: prefix }] })
  })
}

const makeDocument = (app: Hono<ApiEnv>) =>
  generateSpecs(app, {
    documentation: {
      openapi: '3.1.0',
      info: {
        title: 'Latchkey',
        version: '1.0.0',
        description: DESCRIPTION,
        license: { name: 'MIT', identifier: 'MIT' },
      },
      servers: [{ url: '/' }],
      tags: [
        { name: 'users', description: 'Registrations' },
        { name: 'problems', description: 'What went wrong' },
        { name: 'service', description: 'The service itself' },
      ],
      components: {
        responses: problemResponses(['not-found', 'method-not-allowed']),
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
