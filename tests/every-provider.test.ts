import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findFreePort } from '../dev/free-port.ts'
import { type MailSandbox, startMailSandbox } from '../dev/mail-sandbox/mail-sandbox.ts'
import { factsOf } from '../dev/mail-sandbox/provider/fixtures.ts'
import { sandboxProvider } from '../dev/sandbox-provider.ts'
import { providerNames } from '../src/core/mail/providers/providers.ts'
import { readUser } from './support/answers.ts'
import { basic, PASSWORD, post } from './support/api.ts'
import { shareTestDatabase } from './support/database.ts'
import { startProgram, type TestProgram } from './support/processes.ts'

const database = shareTestDatabase()

describe.each(providerNames)('with MAIL_PROVIDER=%s', (name) => {
  let apiUrl = ''
  let sandbox: MailSandbox
  let api: TestProgram
  let worker: TestProgram

  beforeAll(async () => {
    const port = await findFreePort()
    apiUrl = `http://127.0.0.1:${port}`
    const { environment, events } = sandboxProvider(name, apiUrl)
    sandbox = await startMailSandbox({ port: 0, host: '127.0.0.1', apiKey: environment.MAIL_API_KEY, events })
    ;[api, worker] = await Promise.all([
      startProgram('api', { ...environment, DATABASE_URL: database.url, PORT: String(port) }),
      startProgram('worker', { ...environment, DATABASE_URL: database.url, MAIL_URL: sandbox.url }),
    ])
  })
  afterAll(async () => {
    await Promise.all([api.stop(), worker.stop()])
    await sandbox.close()
  })

  test('a person registers, reads the code in the mail, sees its delivery where the sandbox can sign it, and activates', async () => {
    const email = `ada-${name}@example.com`
    const user = await readUser(await fetch(`${apiUrl}/v1/users`, post({ email, password: PASSWORD })))
    const mail = await fetch(`${sandbox.url}/mails?to=${email}&wait=20`)
    expect(mail.status).toBe(200)
    const { code } = JSON.parse(await mail.text())
    expect(code).toMatch(/^\d{4}$/)
    const headers = { authorization: basic(email) }
    const codeNow = async () => (await readUser(await fetch(`${apiUrl}/v1/users/${user.id}`, { headers }))).code
    // Where the sandbox can sign the provider's events, it reports the delivery by itself.
    if (factsOf(name).openEvents)
      await expect.poll(codeNow).toMatchObject({ status: 'sent', deliveredAt: expect.any(String) })
    const answer = await fetch(`${apiUrl}/v1/users/${user.id}/activation`, post({ code }, headers))
    expect(answer.status).toBe(200)
    expect(await answer.json()).toMatchObject({ id: user.id, status: 'active' })
  })
})
