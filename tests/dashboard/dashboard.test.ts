import type { Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { basic, post } from '../support/api.ts'
import { backends } from '../support/backends.ts'
import { describeWithBrowser, useBrowser } from '../support/browser.ts'
import { codeIn } from '../support/mail-provider.ts'
import { startProgram, type TestProgram } from '../support/processes.ts'
import { SECRET_KEY } from '../support/secret-key.ts'
import { type Stage, setStage } from '../worker/stage.ts'

const OPERATOR = { username: 'operator', password: 'secret of the tests' }
const TEST_MS = 180_000

describeWithBrowser.each(backends)('the dashboard in a browser, with jobs on %s', { timeout: TEST_MS }, (backend) => {
  const browser = useBrowser()
  let stage: Stage
  let worker: TestProgram

  beforeAll(async () => {
    stage = await setStage(backend)
    worker = await startProgram('worker', {
      DATABASE_URL: stage.database.url,
      ...(stage.redis && { REDIS_URL: stage.redis.url }),
      SECRET_KEY,
      MAIL_URL: stage.provider.url,
      OPS_USER: OPERATOR.username,
      OPS_PASSWORD: OPERATOR.password,
    })
  })
  beforeEach(() => stage.provider.answerWith([]))
  afterAll(async () => {
    await worker.stop()
    await stage.close()
  })

  const signIn = (expected?: RegExp) =>
    browser.open(`${worker.opsUrl}/dashboard`, { credentials: OPERATOR, ...(expected && { expected }) })

  const showMails = async (page: Page, status: 'delayed' | 'failed' | 'completed') => {
    await page.getByRole('link', { name: 'mail', exact: true }).first().click()
    await page
      .locator('main')
      .getByRole('link', { name: new RegExp(`^${status}`, 'i') })
      .click()
  }

  const jobLink = (page: Page, mailId: string) => page.locator('main').getByRole('link', { name: mailId })

  const confirm = async (page: Page, question: string) => {
    const dialog = page.getByRole('alertdialog')
    await dialog.getByText(question).waitFor()
    await dialog.getByRole('button', { name: 'Confirm' }).click()
  }

  /** As if the mail had been tried for two hours, twice as long as it may; its next try does not wait for the back-off. */
  const letGiveUp = async (mailId: string) => {
    await stage.pool.query("update mails set failing_since = failing_since - interval '2 hours' where id = $1", [
      mailId,
    ])
    await stage.pool.query("update outboxes set possible_since = possible_since - interval '2 hours'")
    const headers = { authorization: basic(OPERATOR.username, OPERATOR.password) }
    const promote = () => fetch(`${worker.opsUrl}/dashboard/api/queues/mail/promote`, { method: 'PUT', headers })
    await expect.poll(() => promote().then(() => stage.outcomeOf(mailId))).toBe('given-up')
  }

  test('without credentials the browser shows nothing of it', async () => {
    const page = await browser.open(`${worker.opsUrl}/livez`, { expected: /401|404/ })
    // A whole browser ends here, where the shell of one shows the refusal.
    const seen = page
      .goto(`${worker.opsUrl}/dashboard`)
      .then((response) => `${response?.status()} ${page.url()}`, String)
    expect(await seen).toMatch(/ERR_INVALID_AUTH_CREDENTIALS|^401 /)
    expect(await page.getByRole('link').count()).toBe(0)
  })

  test('an operator sees a mail retrying in an outage and failed after giving up, retries it, and it arrives with a fresh code', async () => {
    stage.provider.answerWith([], 503)
    const user = await stage.register('outage@example.com')
    const page = await signIn()

    await showMails(page, 'delayed')
    await jobLink(page, user.mailId).waitFor()
    await jobLink(page, user.mailId).click()
    const job = page.locator('main')
    await job.getByText(/attempt #\d/).waitFor()
    await job.getByText(/^resend-503, next try in [\d.]+ s/).waitFor()
    await job.getByText('Will run at').waitFor()
    expect(await job.getByText('new run time is currently unknown').count()).toBe(0)
    expect(await page.locator('body').textContent()).not.toContain('outage@')

    await letGiveUp(user.mailId)
    await showMails(page, 'failed')
    await jobLink(page, user.mailId).waitFor()
    await jobLink(page, user.mailId).click()
    await job.getByText('given-up: resend-503').waitFor()
    const keysBefore = stage.requestsTo(user.email).map((mail) => mail.key)
    expect(keysBefore.length).toBeGreaterThan(1)

    stage.provider.answerWith([])
    await job.getByRole('listitem').getByRole('button').first().click()
    await confirm(page, 'retry this job')
    await expect.poll(() => stage.outcomeOf(user.mailId)).toBe('accepted')
    await showMails(page, 'completed')
    await jobLink(page, user.mailId).waitFor()

    const [mail, ...others] = stage.provider.inbox(user.email)
    expect(others).toEqual([])
    expect(keysBefore).not.toContain(mail?.key)
    const answer = await stage.app.request(
      `/v1/users/${user.id}/activation`,
      post({ code: codeIn(mail) }, { authorization: basic(user.email) }),
    )
    expect(answer.status).toBe(200)
  })

  test('"Retry all" leads every failed mail to its person', async () => {
    stage.provider.answerWith([422, 422])
    const users = [await stage.register('first@example.com'), await stage.register('second@example.com')]
    const page = await signIn()
    await showMails(page, 'failed')
    for (const user of users) await jobLink(page, user.mailId).waitFor()
    await page.getByText('resend-422 validation-error').first().waitFor()
    await page.getByRole('button', { name: 'Retry all' }).click()
    await confirm(page, 'retry all failed jobs')
    await showMails(page, 'completed')
    for (const user of users) {
      await jobLink(page, user.mailId).waitFor()
      expect(codeIn(stage.provider.inbox(user.email)[0])).toMatch(/^\d{4}$/)
    }
  })

  test('"Clean all" loses nothing and says why', async () => {
    stage.provider.answerWith([422])
    const user = await stage.register('kept@example.com')
    const page = await signIn(/403/)
    await showMails(page, 'failed')
    await jobLink(page, user.mailId).waitFor()
    await page.getByRole('button', { name: 'Clean all' }).click()
    await confirm(page, 'clean all failed jobs')
    await page.getByText('This action could lose or forge mails, so it is off.').first().waitFor()
    await page.reload()
    await jobLink(page, user.mailId).waitFor()
  })

  test('the schedule of housekeeping is shown', async () => {
    const page = await signIn()
    await page.getByRole('link', { name: 'Schedulers' }).click()
    const row = page.getByRole('row').filter({ hasText: 'housekeeping' })
    await row.getByText('every 1h').waitFor()
  })
})
