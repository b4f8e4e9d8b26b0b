import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readUser } from './support/answers.ts'
import { basic, PASSWORD, post } from './support/api.ts'
import { backends, startStore } from './support/backends.ts'
import { createTestDatabase, type TestDatabase } from './support/database.ts'
import { codeIn, type MailProvider, startMailProvider } from './support/mail-provider.ts'
import { startProcess, type TestProcess } from './support/processes.ts'
import type { TestRedis } from './support/redis.ts'

describe.each(backends)('both processes, jobs on %s', (backend) => {
  let database: TestDatabase
  let redis: TestRedis | null
  let provider: MailProvider
  let api: TestProcess
  const startWorker = () =>
    startProcess('worker', { DATABASE_URL: database.url, REDIS_URL: redis?.url, MAIL_URL: provider.url })

  beforeAll(async () => {
    ;[database, redis, provider] = await Promise.all([createTestDatabase(), startStore(backend), startMailProvider()])
    api = await startProcess('api', { DATABASE_URL: database.url })
  })
  afterAll(async () => {
    await api.stop()
    await Promise.all([provider.close(), redis?.stop()])
    await database.drop()
  })

  const register = async (email: string) => {
    const answer = await fetch(`${api.url}/v1/users`, post({ email, password: PASSWORD }))
    expect(answer.status).toBe(202)
    return readUser(answer)
  }

  test('a person registers, reads the code in the mail and activates', async () => {
    const worker = await startWorker()
    const user = await register('ada@example.com')
    await expect.poll(() => codeIn(provider.inbox('ada@example.com')[0])).toMatch(/^\d{4}$/)
    const headers = { authorization: basic('ada@example.com') }
    const code = codeIn(provider.inbox('ada@example.com')[0])
    const answer = await fetch(`${api.url}/v1/users/${user.id}/activation`, post({ code }, headers))
    expect(answer.status).toBe(200)
    expect(await answer.json()).toMatchObject({ id: user.id, status: 'active', code: null })
    await worker.kill()
  })

  test('ten people who register while no worker runs get one mail each when it is back', async () => {
    const emails = Array.from({ length: 10 }, (_, index) => `waiting${index}@example.com`)
    for (const email of emails) await register(email)
    const worker = await startWorker()
    await expect.poll(() => emails.filter((email) => provider.inbox(email).length > 0).length).toBe(10)
    for (const email of emails) expect(provider.requests.filter((mail) => mail.to === email)).toHaveLength(1)
    expect(await worker.stop()).toBe(0)
  })
})
