import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type MailSandbox, startMailSandbox } from '../dev/mail-sandbox/mail-sandbox.ts'
import { sandboxProvider } from '../dev/sandbox-provider.ts'
import { providerNames } from '../src/core/mail/providers/providers.ts'
import { readUser } from './support/answers.ts'
import { basic, PASSWORD, post } from './support/api.ts'
import { shareTestDatabase } from './support/database.ts'
import { startProcess, type TestProcess } from './support/processes.ts'

const database = shareTestDatabase()

describe.each(providerNames)('with MAIL_PROVIDER=%s', (name) => {
  let sandbox: MailSandbox
  let api: TestProcess
  let worker: TestProcess

  beforeAll(async () => {
    const { environment } = sandboxProvider(name, 'http://127.0.0.1')
    sandbox = await startMailSandbox({ port: 0, host: '127.0.0.1', apiKey: environment.MAIL_API_KEY })
    api = await startProcess('api', { ...environment, DATABASE_URL: database.url })
    worker = await startProcess('worker', { ...environment, DATABASE_URL: database.url, MAIL_URL: sandbox.url })
  })
  afterAll(async () => {
    await Promise.all([api.stop(), worker.stop()])
    await sandbox.close()
  })

  test('a person registers, reads the code in the mail and activates', async () => {
    const email = `ada-${name}@example.com`
    const user = await readUser(await fetch(`${api.url}/v1/users`, post({ email, password: PASSWORD })))
    const mail = await fetch(`${sandbox.url}/mails?to=${email}&wait=20`)
    expect(mail.status).toBe(200)
    const { code } = JSON.parse(await mail.text())
    expect(code).toMatch(/^\d{4}$/)
    const headers = { authorization: basic(email) }
    const answer = await fetch(`${api.url}/v1/users/${user.id}/activation`, post({ code }, headers))
    expect(answer.status).toBe(200)
    expect(await answer.json()).toMatchObject({ id: user.id, status: 'active' })
  })
})
