import type { Hono } from 'hono'
import { describeRoute } from 'hono-openapi'
import { createHealthApp, type Readiness } from '../../core/process/http/ops-app.ts'
import { describePage } from '../answers/openapi.ts'
import type { ApiEnv } from '../context.ts'

const livezDocs = describePage('livez', 'Whether the process can answer', 'application/json', { 200: 'It can.' })
const readyzDocs = describePage('readyz', 'Whether the process can work', 'application/json', {
  200: 'It can; `checks` names each part.',
  503: 'It cannot; `checks` tells what is missing.',
})

/** `GET /livez` and `GET /readyz`, the same as on the operators' port. */
export const addHealth = (app: Hono<ApiEnv>, readiness: Readiness): void => {
  const health = createHealthApp(readiness)
  app.get('/livez', describeRoute(livezDocs), (c) => health.fetch(c.req.raw))
  app.get('/readyz', describeRoute(readyzDocs), (c) => health.fetch(c.req.raw))
}
