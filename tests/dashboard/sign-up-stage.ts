import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll } from 'vitest'
import { findFreePort } from '../../dev/free-port.ts'
import { type MailSandbox, startMailSandbox } from '../../dev/mail-sandbox/mail-sandbox.ts'
import { useBrowser } from '../support/browser.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { startProgram, type TestProgram } from '../support/processes.ts'

const PASSWORD = 'seven green parrots'

/** Chromium writes every refused request into the console by itself. */
export const REFUSED = /the server responded with a status of 4\d\d/

/** The sign-up page of a real sandbox before a real api and worker, for the tests of one `describe`, and what people do there. */
export const useSignUpPage = (ttlSeconds: number) => {
  const browser = useBrowser()
  const service = useService(ttlSeconds)
  let people = 0
  const newAddress = (domain = 'example.com') => `person${++people}@${domain}`

  return {
    breakProvider: service.breakProvider,
    letRunOut: service.letRunOut,
    newAddress,

    open: (language = 'en', options: { expected?: RegExp } = {}) =>
      browser.open(`${service.sandboxUrl()}/sign-up?lang=${language}`, {
        others: [service.apiUrl()],
        warnings: true,
        ...options,
      }),

    register: async (page: Page, domain?: string) => {
      const address = newAddress(domain)
      await page.locator('#email').fill(address)
      await page.locator('#password').fill(PASSWORD)
      await page.keyboard.press('Enter')
      await page.locator('#code-form').waitFor()
      return address
    },

    state: (page: Page, name: string) => page.locator(`#state[data-state="${name}"]`).waitFor(),

    mailTo: async (address: string, after?: string) => {
      const query = new URLSearchParams({ to: address, wait: '30', ...(after && { after }) })
      return JSON.parse(await (await fetch(`${service.sandboxUrl()}/mails?${query}`)).text())
    },

    confirm: async (page: Page, code: string) => {
      await page.locator('#code').fill(code)
      await page.keyboard.press('Enter')
    },
  }
}

/** Database, sandbox, api and worker. Each test begins with a provider that works. */
const useService = (ttlSeconds: number) => {
  let database: TestDatabase
  let sandbox: MailSandbox
  let processes: TestProgram[]
  let apiUrl: string

  beforeAll(async () => {
    database = await createTestDatabase()
    const [sandboxPort, apiPort] = [await findFreePort(), await findFreePort()]
    apiUrl = `http://127.0.0.1:${apiPort}`
    sandbox = await startMailSandbox({ port: sandboxPort, host: '127.0.0.1', apiKey: 'test', apiUrl })
    processes = await startProcesses({ database, sandbox, apiPort, ttlSeconds })
  })
  afterEach(() => breakProvider(null))
  afterAll(async () => {
    await Promise.all(processes.map((process) => process.stop()))
    await sandbox.close()
    await database.drop()
  })

  const breakProvider = (fault: object | null) =>
    fetch(`${sandbox.url}/faults`, fault ? { method: 'PUT', body: JSON.stringify(fault) } : { method: 'DELETE' })

  return {
    apiUrl: () => apiUrl,
    sandboxUrl: () => sandbox.url,
    breakProvider,

    /** As if the code of this address had been sent longer ago: the page hears of it when it next asks. */
    letRunOut: (address: string, seconds: number) =>
      database.pool.query(
        `update codes
         set expires_at = clock_timestamp() + make_interval(secs => $2)
         from users
         where users.id = codes.user_id and users.email = $1 and codes.superseded_at is null`,
        [address, seconds],
      ),
  }
}

type Service = { database: TestDatabase; sandbox: MailSandbox; apiPort: number; ttlSeconds: number }

const startProcesses = ({ database, sandbox, apiPort, ttlSeconds }: Service): Promise<TestProgram[]> => {
  const environment = {
    DATABASE_URL: database.url,
    MAIL_URL: sandbox.url,
    CODE_TTL_SECONDS: String(ttlSeconds),
    RESEND_COOLDOWN_SECONDS: '1',
  }
  return Promise.all([
    startProgram('api', { ...environment, PORT: String(apiPort), CORS_ORIGINS: sandbox.url }),
    startProgram('worker', environment),
  ])
}
