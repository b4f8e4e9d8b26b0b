import type { Hono } from 'hono'
import { describeRoute, generateSpecs } from 'hono-openapi'
import { describePage, problemResponses } from '../answers/openapi.ts'
import type { ApiEnv } from '../context.ts'

const documentDocs = describePage('readOpenApi', 'This document', 'application/json', {
  200: 'The OpenAPI 3.1 document of this API.',
})

const DESCRIPTION = `Registers people by e-mail address and password, and activates them with a code from a mail.

1. \`POST /v1/users\` answers 202; a mail with a code of 4 digits leaves.
2. \`POST /v1/users/{id}/activation\` with the code and HTTP Basic credentials, within a minute of the mail's sending, activates.

Problems are \`application/problem+json\` (RFC 9457); each type is explained under \`/problems/{slug}\`.`

/** `GET /openapi.json`, made once from the routes of the app. */
export const addOpenApi = (app: Hono<ApiEnv>): void => {
  let document: Promise<unknown> | undefined
  app.get('/openapi.json', describeRoute(documentDocs), async (c) => {
    document ??= generateSpecs(app, {
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
    return c.json(await document)
  })
}
