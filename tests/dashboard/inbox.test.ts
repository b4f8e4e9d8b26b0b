import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { findFreePort } from '../../dev/free-port.ts'
import { type MailSandbox, startMailSandbox } from '../../dev/mail-sandbox/mail-sandbox.ts'
import { domains } from '../../dev/mail-sandbox/provider/behaviour.ts'
import { factsOf } from '../../dev/mail-sandbox/provider/fixtures.ts'
import { describeWithBrowser, expectAccessible, useBrowser } from '../support/browser.ts'

const API_KEY = 'sandbox-key'

describeWithBrowser('the inbox page in a browser', () => {
  const browser = useBrowser()
  let sandbox: MailSandbox
  let receives = 204
  const service = createServer((_request, response) => response.writeHead(receives).end())

  beforeAll(async () => {
    const port = await findFreePort()
    await once(service.listen(port, '127.0.0.1'), 'listening')
    const source = factsOf('resend').openEvents?.()
    const events = source && { url: `http://127.0.0.1:${port}`, source }
    sandbox = await startMailSandbox({ port: 0, host: '127.0.0.1', apiKey: API_KEY, events })
  })
  afterAll(async () => {
    await sandbox.close()
    service.close()
  })

  const send = (code: string, to = 'ada@example.com') =>
    fetch(`${sandbox.url}/emails`, {
      method: 'POST',
      headers: { authorization: `Bearer ${API_KEY}`, 'idempotency-key': randomUUID() },
      body: JSON.stringify({
        from: 'codes@latchkey.example',
        to,
        subject: 'Your activation code (K7QX)',
        text: `Your activation code is\n\n${code}\n`,
        html: `<p>${code}</p>`,
      }),
    })

  test('a mail appears by itself, and a press on its code copies it', async () => {
    const page = await browser.open(sandbox.url)
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
    await page.getByText('No mail yet').waitFor()
    expect((await send('0421')).status).toBe(200)
    const mail = page.getByRole('listitem').filter({ hasText: 'ada@example.com' })
    await mail.getByText('Your activation code (K7QX)').waitFor()
    await mail.getByRole('button', { name: 'Copy the code' }).click()
    await mail.getByText('Copied').waitFor()
    expect(await page.evaluate('navigator.clipboard.readText()')).toBe('0421')
  })

  test('the provider breaks at the press of a button, the page says so, and it works again when told', async () => {
    const page = await browser.open(sandbox.url)
    await page.getByRole('button', { name: /^503 until told/ }).click()
    await page.getByText('The provider answers 503').waitFor()
    expect((await send('1234')).status).toBe(503)
    await page.getByRole('button', { name: 'Back to normal', exact: true }).click()
    await page.getByText('The provider answers 503').waitFor({ state: 'hidden' })
    expect((await send('5678')).status).toBe(200)
    await page.getByText('5678').first().waitFor()
    expect(await page.getByText('1234').count()).toBe(0)
  })

  test('a mail shows what was reported of it, and whether the service took the report', async () => {
    const page = await browser.open(sandbox.url)
    const reportsOf = (to: string) =>
      page.getByRole('listitem').filter({ hasText: to }).getByRole('list', { name: 'Reports to the service' })
    await send('2222', 'grace@complaint.test')
    await reportsOf('grace@complaint.test').getByText('complained', { exact: true }).waitFor()
    expect(await reportsOf('grace@complaint.test').getByRole('listitem').allTextContents()).toEqual([
      'delivered',
      'complained',
    ])
    receives = 401
    await send('3333', 'edsger@bounce.test')
    await reportsOf('edsger@bounce.test').getByText('bounced, not taken yet (401)').waitFor()
    receives = 204
    await expectAccessible(page)
  })

  test('the page names every domain whose mails meet something else than delivery', async () => {
    const page = await browser.open(sandbox.url)
    await page.getByText('Test addresses').click()
    expect(await page.locator('dt').allTextContents()).toEqual(domains.map(({ domain }) => domain))
    await expectAccessible(page)
  })
})
