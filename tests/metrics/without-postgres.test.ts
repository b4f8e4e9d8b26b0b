import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { readValue } from '../ops/metric-text.ts'
import { shareTestDatabase } from '../support/database.ts'
import { type MailProvider, startMailProvider } from '../support/mail-provider.ts'
import { startProgram } from '../support/processes.ts'
import { startProxy } from '../support/proxy.ts'
import { pageOf } from './page.ts'

const database = shareTestDatabase()
let provider: MailProvider

beforeAll(async () => {
  provider = await startMailProvider()
})
afterAll(() => provider.close())

describe.each(['api', 'worker'] as const)('/metrics of the %s without PostgreSQL', (name) => {
  test.each(['frozen', 'gone'] as const)('when it is %s: answers soon, and shows no old figures', async (how) => {
    const proxy = await startProxy(database.url)
    const program = await startProgram(name, { DATABASE_URL: proxy.url, MAIL_URL: provider.url })
    onTestFinished(async () => {
      proxy.close()
      await program.stop()
    })
    expect(readValue(await pageOf(program), 'latchkey_mails_unsettled')).toBe(0)
    if (how === 'frozen') proxy.freeze()
    else proxy.close()
    for (let look = 0; look < 3; look++) {
      const begun = performance.now()
      const page = await pageOf(program)
      // Prometheus waits for ten seconds.
      expect(performance.now() - begun).toBeLessThan(10_000)
      expect(readValue(page, 'latchkey_mails_unsettled')).toBeUndefined()
      expect(readValue(page, 'latchkey_relay_lag_seconds')).toBeUndefined()
      expect(readValue(page, 'latchkey_check_ok', { check: 'database' })).toBe(0)
      expect(readValue(page, 'nodejs_eventloop_lag_p99_seconds')).toBeDefined()
      expect(readValue(page, 'latchkey_scrape_failures_total', { source: 'mails' })).toBe(look)
    }
  })
})
