import * as v from 'valibot'

const contentOf = v.looseObject({
  schema: v.optional(v.unknown()),
  examples: v.optional(v.record(v.string(), v.unknown()), {}),
})
const responseOf = v.looseObject({
  description: v.string(),
  headers: v.optional(v.record(v.string(), v.unknown()), {}),
  content: v.optional(v.record(v.string(), contentOf), {}),
})
const operationOf = v.looseObject({
  operationId: v.optional(v.string()),
  security: v.optional(v.unknown()),
  requestBody: v.optional(v.looseObject({ content: v.record(v.string(), contentOf) })),
  responses: v.record(v.string(), responseOf),
})
export const documentOf = v.looseObject({
  openapi: v.string(),
  paths: v.record(v.string(), v.record(v.string(), operationOf)),
  components: v.looseObject({ securitySchemes: v.unknown() }),
})
