import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTestApi, PASSWORD, post } from '../support/api.ts'
import { backends, startStore } from '../support/backends.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { startTestWorker, type TestWorker } from '../support/delivery.ts'
import { type MailProvider, startMailProvider } from '../support/mail-provider.ts'
import type { TestRedis } from '../support/redis.ts'

describe.each(backends)('jobs on %s', (backend) => {
  let database: TestDatabase
  let redis: TestRedis | null
  let provider: MailProvider
  let app: Awaited<ReturnType<typeof createTestApi>>
  let worker: TestWorker

  beforeAll(async () => {
    ;[database, redis, provider] = await Promise.all([createTestDatabase(), startStore(backend), startMailProvider()])
    app = await createTestApi(database)
    worker = await startTestWorker(database, { redisUrl: redis?.url, mailUrl: provider.url })
  })
  afterAll(async () => {
    await worker.close()
    await Promise.all([provider.close(), redis?.stop()])
    await database.drop()
  })

  test('a mail that the provider refuses three times with 503 arrives with the same key and bytes', async () => {
    provider.answerWith([503, 503, 503])
    await app.request('/v1/users', post({ email: 'patient@example.com', password: PASSWORD }))
    await expect.poll(() => provider.inbox('patient@example.com').length, { timeout: 20_000 }).toBe(1)
    const tries = provider.requests.filter((mail) => mail.to === 'patient@example.com')
    expect(tries).toHaveLength(4)
    expect(new Set(tries.map((mail) => mail.key + mail.body)).size).toBe(1)
  })
})
