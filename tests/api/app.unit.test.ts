import { beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import { createApp } from '../../src/api/app.ts'
import type { ApiTools } from '../../src/api/context.ts'
import { HashingOverloaded } from '../../src/core/credentials/hashing-queue.ts'
import { createTestTools } from '../support/api.ts'
import { migratedPool } from '../support/migrated-pool.ts'
import { type App, expectProblem, from } from './api-client.ts'

let tools: ApiTools
let app: App
beforeAll(async () => {
  const pool = migratedPool()
  tools = await createTestTools({ url: 'postgres://nobody@127.0.0.1:1/none', pool, drop: () => pool.end() })
  app = createApp(tools)
})

test.each([
  { path: '/v1/users', methods: 'POST' },
  { path: '/v1/users/some-id', methods: 'GET, HEAD' },
  { path: '/v1/users/some-id/codes', methods: 'POST' },
  { path: '/v1/users/some-id/activation', methods: 'POST' },
  { path: '/v1/account', methods: 'GET, HEAD, DELETE' },
  { path: '/v1/account/password', methods: 'PUT' },
  { path: '/v1/provider-events/resend', methods: 'POST' },
  { path: '/problems/internal', methods: 'GET, HEAD' },
  { path: '/livez', methods: 'GET, HEAD' },
  { path: '/readyz', methods: 'GET, HEAD' },
  { path: '/openapi.json', methods: 'GET, HEAD' },
  { path: '/docs', methods: 'GET, HEAD' },
])('$path takes $methods, and says so to others', async ({ path, methods }) => {
  const answer = await app.request(path, { method: 'PATCH' })
  await expectProblem(answer, 'method-not-allowed')
  expect(answer.headers.get('allow')).toBe(methods)
})

test('what is nowhere is not found', async () => {
  for (const path of ['/', '/v1', '/v1/user', '/v1/users/some-id/code', '/v1/users/some-id/codes/more'])
    await expectProblem(await app.request(path), 'not-found')
})

test('who comes back again and again to what has no room is refused late', async () => {
  // On however slow a machine they come before the time that they were told.
  const clock = vi.spyOn(performance, 'now').mockReturnValue(performance.now())
  onTestFinished(() => clock.mockRestore())
  const checkRoom = () => {
    throw new HashingOverloaded('full')
  }
  const full = createApp({ ...tools, hasher: { ...tools.hasher, checkRoom } })
  const connection = from('192.0.2.1')
  const register = async () => full.request('/v1/users', { method: 'POST' }, connection)
  for (let times = 0; times < 6; times += 1) await expectProblem(await register(), 'overloaded')
  const began = Date.now()
  await expectProblem(await register(), 'overloaded')
  expect(Date.now() - began).toBeGreaterThan(200)
})
