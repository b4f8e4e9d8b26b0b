import { Hono } from 'hono'
import { expect, test, vi } from 'vitest'
import type { ApiEnv } from '../../src/api/context.ts'
import { addOpenApi } from '../../src/api/routes/openapi-document.ts'

vi.mock('hono-openapi', async (load) => ({
  ...(await load<typeof import('hono-openapi')>()),
  generateSpecs: vi.fn().mockRejectedValueOnce(new Error('no memory')).mockResolvedValue({ openapi: '3.1.0' }),
}))

test('a document that could not be made is tried again by the next who asks', async () => {
  const app = new Hono<ApiEnv>().onError((_, c) => c.text('', 500))
  addOpenApi(app, { serviceName: 'Latchkey', passwordMinLength: 8, trustedProxies: [] })
  expect((await app.request('/openapi.json')).status).toBe(500)
  expect(await (await app.request('/openapi.json')).json()).toMatchObject({ openapi: '3.1.0' })
})
