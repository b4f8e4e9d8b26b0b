import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type MailSandbox, startMailSandbox } from '../../dev/mail-sandbox/mail-sandbox.ts'
import { problems } from '../../src/api/answers/problems.ts'
import { openReceiver } from '../../src/worker/events/receiver.ts'
import { describeWithBrowser, expectAccessible, useBrowser } from '../support/browser.ts'
import { startProgram, type TestProgram } from '../support/processes.ts'
import { SECRET_KEY } from '../support/secret-key.ts'
import { type Stage, setStage } from '../worker/stage.ts'

const API_KEY = 'sandbox-key'
const SECRET = `whsec_${Buffer.alloc(32, 1).toString('base64')}`
const TEST_MS = 180_000
/**
 * Faults of Bull Board's own frame, which we serve as it is: buttons and pictures of its header without a name, the pale hint of
 * its search field, its logo named as the title beside it, no heading of the first level, and jobs under one of the fifth.
 */
const OF_BULL_BOARD = [
  'button-name',
  'svg-img-alt',
  'color-contrast',
  'image-redundant-alt',
  'page-has-heading-one',
  'heading-order',
]
const OPERATOR = { username: 'operator', password: 'secret of the tests' }

describeWithBrowser('axe-core finds nothing', { timeout: TEST_MS }, () => {
  const browser = useBrowser()
  let sandbox: MailSandbox
  let stage: Stage
  let api: TestProgram
  let worker: TestProgram

  beforeAll(async () => {
    stage = await setStage('postgresql')
    sandbox = await startMailSandbox({ port: 0, host: '127.0.0.1', apiKey: API_KEY, webhookSecret: SECRET })
    const environment = { DATABASE_URL: stage.database.url, SECRET_KEY }
    ;[api, worker] = await Promise.all([
      startProgram('api', environment),
      startProgram('worker', {
        ...environment,
        MAIL_URL: stage.provider.url,
        OPS_USER: OPERATOR.username,
        OPS_PASSWORD: OPERATOR.password,
      }),
    ])
  })
  afterAll(async () => {
    await Promise.all([api.stop(), worker.stop()])
    await sandbox.close()
    await stage.close()
  })

  const send = (to: string) =>
    fetch(`${sandbox.url}/emails`, {
      method: 'POST',
      headers: { authorization: `Bearer ${API_KEY}`, 'idempotency-key': randomUUID() },
      body: JSON.stringify({
        from: 'codes@latchkey.example',
        to,
        subject: 'Your code',
        text: 'Your code is\n\n0421\n',
        html: '<!doctype html><html lang="en"><title>Your code</title><main><h1>Your code</h1><p>0421</p></main>',
      }),
    })

  test('in the empty inbox, in one with a mail that is open, and while the provider is broken', async () => {
    const page = await browser.open(sandbox.url)
    await page.getByText('No mail yet').waitFor()
    await expectAccessible(page)
    await send('ada@example.com')
    const mail = page.getByRole('listitem').filter({ hasText: 'ada@example.com' })
    await mail.getByText('Text and HTML').click()
    await mail.locator('iframe').waitFor()
    await expectAccessible(page)
    await fetch(`${sandbox.url}/faults`, { method: 'PUT', body: JSON.stringify({ kind: 'status', status: 503 }) })
    await page.getByText('The provider answers 503').waitFor()
    await expectAccessible(page)
  })

  test('in an inbox that was told an event, which is open', async () => {
    const receiver = openReceiver({ url: `${sandbox.url}/webhook`, secrets: [SECRET], connections: 1 })
    const data = { user: { id: randomUUID(), email: 'told@example.com' } }
    const event = { type: 'user.activated', timestamp: new Date().toISOString(), data }
    const page = await browser.open(sandbox.url)
    await page.getByText('lands here, its signature verified').waitFor()
    const tell = (id: string) => receiver.tell({ id, body: JSON.stringify(event) }, new AbortController().signal)
    const id = randomUUID()
    expect([await tell(id), await tell(id)]).toEqual(['accepted', 'accepted'])
    await receiver.close()
    const item = page.getByRole('listitem').filter({ hasText: 'told@example.com' })
    await item.getByText('told again ×1').waitFor()
    await item.getByText('Body').click()
    await item.getByText('"timestamp"').waitFor()
    await expectAccessible(page)
    await page.reload()
    await item.getByText('user.activated').first().waitFor()
  })

  test('in the page of all texts, which has each language', async () => {
    const page = await browser.open(`${sandbox.url}/texts`)
    await expectAccessible(page)
    expect(await page.locator('main section').count()).toBe(12)
    expect(await page.locator('iframe').count()).toBe(24)
    expect(await page.frameLocator('#ar iframe >> nth=0').locator('html').getAttribute('dir')).toBe('rtl')
  })

  test('in the reference page, closed and with an operation that is open', async () => {
    const page = await browser.open(`${api.url}/docs`)
    await page.locator('.opblock').first().waitFor()
    await expectAccessible(page)
    await page.locator('.opblock-summary-control').first().click()
    await page.locator('.opblock-body').first().waitFor()
    await expectAccessible(page)
  })

  test('in the page of each problem', async () => {
    const page = await browser.open(`${api.url}/problems/not-found`)
    for (const slug of Object.keys(problems)) {
      await page.goto(`${api.url}/problems/${slug}`)
      await expectAccessible(page)
    }
  })

  test('in what the dashboard shows of ours', async () => {
    const user = await stage.register('ada@example.com')
    await expect.poll(() => stage.outcomeOf(user.mailId)).toBe('accepted')
    const page = await browser.open(`${worker.opsUrl}/dashboard`, { credentials: OPERATOR })
    await page.getByRole('link', { name: 'mail', exact: true }).first().waitFor()
    await expectAccessible(page, OF_BULL_BOARD)
    await page.goto(`${worker.opsUrl}/dashboard/queue/mail/${user.mailId}`)
    await page.locator('main').getByText(user.mailId).first().waitFor()
    await expectAccessible(page, OF_BULL_BOARD)
  })
})
