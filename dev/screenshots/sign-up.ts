import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { openPage, shoot, shootStrip } from './pictures.ts'
import type { Run } from './run.ts'

const PATIENT = { timeout: 90_000 }
const PHONE = { width: 390, height: 780 }
const NARROW_PHONE = { width: 360, height: 780 }
const PASSWORD = 'seven green parrots'

/** What people see: the page in three languages, dark and on a narrow phone, and what may go wrong, each as a strip of steps. */
export const shootSignUp = async (browser: Browser, run: Run): Promise<void> => {
  const open = (language: string, options: BrowserContextOptions = {}) =>
    openPage(browser, `${run.sandbox}/sign-up?lang=${language}`, { viewport: PHONE, ...options })

  // It takes a minute: begun first and looked at last.
  const late = await open('en')
  await fillIn(late, 'ada@example.com')
  await submit(late)
  await sent(late)
  await shoot(late, 'sign-up')

  for (const language of ['de', 'ja', 'ar'])
    await shootStrip(browser, `sign-up-${language}`, await stepsOf(run, await open(language), language))
  const dark = await open('en', { colorScheme: 'dark' })
  await shootStrip(browser, 'sign-up-dark', await stepsOf(run, dark, 'dark'))
  const narrow = await open('pl', { viewport: NARROW_PHONE })
  await shootStrip(browser, 'sign-up-360', await stepsOf(run, narrow, 'narrow'))

  await shootOutage(browser, run, await open('en'))
  await shootStrip(browser, 'sign-up-codes', await stepsWithWrongCodes(run, await open('en'), late))

  const texts = await openPage(browser, `${run.sandbox}/texts`, { viewport: { width: 1280, height: 1120 } })
  await shoot(texts, 'texts')
}

const fillIn = async (page: Page, email: string): Promise<void> => {
  await page.locator('#email').fill(email)
  await page.locator('#password').fill(PASSWORD)
}

const submit = async (page: Page): Promise<void> => {
  await page.locator('#create').click()
  await page.locator('#code-form').waitFor()
}

/** Until the minute runs and the mail is reported as delivered. */
const sent = async (page: Page): Promise<void> => {
  await page.locator('#state[data-state="sent"]').waitFor(PATIENT)
  await page.locator('#delivered:not(:empty)').waitFor(PATIENT)
}

const confirm = async (page: Page, code: string): Promise<void> => {
  await page.locator('#code').fill(code)
  await page.locator('#confirm').click()
}

const newestMail = async (run: Run, to: string, after?: string): Promise<{ id: string; code: string }> => {
  const query = new URLSearchParams({ to, wait: '30', ...(after && { after }) })
  return JSON.parse(await (await fetch(`${run.sandbox}/mails?${query}`)).text())
}

const signedUp = async (run: Run, page: Page, email: string): Promise<void> => {
  await confirm(page, (await newestMail(run, email)).code)
  await page.locator('#active').waitFor()
}

/** The form, the code's minute, the account. */
const stepsOf = async (run: Run, page: Page, name: string): Promise<Buffer[]> => {
  const email = `${name}@example.com`
  await fillIn(page, email)
  const form = await page.screenshot()
  await submit(page)
  await sent(page)
  const code = await page.screenshot()
  await signedUp(run, page, email)
  return [form, code, await page.screenshot()]
}

/** Broken and repaired from the sandbox's own page, as a reader would. */
const shootOutage = async (browser: Browser, run: Run, page: Page): Promise<void> => {
  const email = 'patient@example.com'
  const inbox = await openPage(browser, run.sandbox, { viewport: PHONE })
  await inbox.locator('#panel > summary').click()
  await inbox.getByRole('button', { name: '503 until told' }).click()
  await inbox.locator('#banner').waitFor()
  await inbox.locator('#banner').scrollIntoViewIfNeeded()
  const broken = await inbox.screenshot()
  await fillIn(page, email)
  await submit(page)
  await page.getByText('This is taking longer than usual').first().waitFor(PATIENT)
  const waiting = await page.screenshot()
  await inbox.locator('#banner-end').click()
  await sent(page)
  await shootStrip(browser, 'sign-up-outage', [broken, waiting, await page.screenshot()])
}

/** A wrong code, the last one that is tried, a new one that was asked for, and one that is over on `late`. */
const stepsWithWrongCodes = async (run: Run, page: Page, late: Page): Promise<Buffer[]> => {
  const email = 'grace@example.com'
  await fillIn(page, email)
  await submit(page)
  await sent(page)
  const { id, code } = await newestMail(run, email)
  const steps: Buffer[] = []
  for (const left of [2, 1, 0]) {
    await confirm(page, code === '0000' ? '0001' : '0000')
    await page
      .getByText(left > 0 ? `Attempts left: ${left}.` : 'Too many wrong codes.')
      .first()
      .waitFor()
    if (left !== 1) steps.push(await page.screenshot())
  }
  await page.locator('#resend:not([aria-disabled="true"])').click()
  await newestMail(run, email, id)
  await sent(page)
  steps.push(await page.screenshot())
  await late.locator('#state[data-state="expired"]').waitFor(PATIENT)
  return [...steps, await late.screenshot()]
}
