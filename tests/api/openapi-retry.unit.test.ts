import { Hono } from 'hono'
import { expect, onTestFinished, test, vi } from 'vitest'
import type { ApiEnv } from '../../src/api/context.ts'

/** The module loaded anew for this test, as other files in this process have it with what is not mocked. */
const loadWithFailingSpecs = () => {
  vi.resetModules()
  vi.doMock('hono-openapi', async (load) => ({
    ...(await load<typeof import('hono-openapi')>()),
    generateSpecs: vi.fn().mockRejectedValueOnce(new Error('no memory')).mockResolvedValue({ openapi: '3.1.0' }),
  }))
  onTestFinished(() => {
    vi.doUnmock('hono-openapi')
    vi.resetModules()
  })
  return import('../../src/api/routes/openapi-document.ts')
}

test('a document that could not be made is tried again by the next who asks', async () => {
  const { addOpenApi } = await loadWithFailingSpecs()
  const app = new Hono<ApiEnv>().onError((_, c) => c.text('', 500))
  addOpenApi(app, { serviceName: 'Latchkey', passwordMinLength: 8, trustedProxies: [] })
  expect((await app.request('/openapi.json')).status).toBe(500)
  expect(await (await app.request('/openapi.json')).json()).toMatchObject({ openapi: '3.1.0' })
})
