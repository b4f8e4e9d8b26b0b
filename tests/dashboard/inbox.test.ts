import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type MailSandbox, startMailSandbox } from '../../dev/mail-sandbox/mail-sandbox.ts'
import { describeWithBrowser, useBrowser } from '../support/browser.ts'

const API_KEY = 'desk-key'

describeWithBrowser('the inbox page in a browser', () => {
  const browser = useBrowser()
  let sandbox: MailSandbox

  beforeAll(async () => {
    sandbox = await startMailSandbox({ port: 0, host: '127.0.0.1', apiKey: API_KEY })
  })
  afterAll(() => sandbox.close())

  const send = (code: string) =>
    fetch(`${sandbox.url}/emails`, {
      method: 'POST',
      headers: { authorization: `Bearer ${API_KEY}`, 'idempotency-key': randomUUID() },
      body: JSON.stringify({
        from: 'codes@latchkey.example',
        to: 'ada@example.com',
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
})
