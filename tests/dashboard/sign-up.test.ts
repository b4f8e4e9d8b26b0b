import { expect, test } from 'vitest'
import { describeWithBrowser, expectAccessible } from '../support/browser.ts'
import { REFUSED, useSignUpPage } from './sign-up-stage.ts'

const TEST_MS = 180_000
const TTL_SECONDS = 60

describeWithBrowser('the sign-up page in a browser', { timeout: TEST_MS }, () => {
  const { breakProvider, open, register, state, mailTo, letRunOut, confirm } = useSignUpPage(TTL_SECONDS)

  test.each([
    { language: 'en', dir: 'ltr', title: 'Create your account', welcome: 'Welcome!' },
    { language: 'de', dir: 'ltr', title: 'Konto erstellen', welcome: 'Willkommen!' },
    { language: 'ar', dir: 'rtl', title: 'أنشئ حسابك', welcome: 'مرحبًا بك!' },
  ])('somebody signs up in $language, and axe finds nothing', async ({ language, dir, title, welcome }) => {
    const page = await open(language)
    await page.getByRole('heading', { name: title }).waitFor()
    expect(
      await page.locator('html').evaluate((html) => [html.getAttribute('lang'), html.getAttribute('dir')]),
    ).toEqual([language, dir])
    await expectAccessible(page)
    const address = await register(page)
    await state(page, 'sent')
    await expectAccessible(page)
    await confirm(page, (await mailTo(address)).code)
    await page.getByRole('heading', { name: welcome }).waitFor()
    await expectAccessible(page)
  })

  test('wrong codes are counted before the eyes, the last one asks for a new code, and that one activates', async () => {
    const page = await open('en', { expected: REFUSED })
    const address = await register(page)
    const { id, code } = await mailTo(address)
    await state(page, 'sent')
    const wrong = code === '0000' ? '0001' : '0000'
    await confirm(page, wrong)
    await page.getByText('Attempts left: 2.').waitFor()
    expect(await page.locator('#code-problem').textContent()).toBe('That code is not correct.')
    expect(await page.locator('#code').getAttribute('aria-invalid')).toBe('true')
    await confirm(page, wrong)
    await page.getByText('Attempts left: 1.').waitFor()
    await confirm(page, wrong)
    await state(page, 'exhausted')
    await expectAccessible(page)
    await page.getByRole('button', { name: 'Send a new code' }).click()
    const next = await mailTo(address, id)
    await state(page, 'sent')
    await confirm(page, next.code)
    await page.getByRole('heading', { name: 'Welcome!' }).waitFor()
  })

  test('in an outage the page waits with the person, and the minute starts with the mail', async () => {
    await breakProvider({ kind: 'status', status: 503 })
    const page = await open()
    const address = await register(page)
    await state(page, 'queued')
    await breakProvider(null)
    await state(page, 'sent')
    await confirm(page, (await mailTo(address)).code)
    await page.getByRole('heading', { name: 'Welcome!' }).waitFor()
  })

  test('a code that is over says so, and a pasted one works', async () => {
    const page = await open()
    const address = await register(page)
    const { id } = await mailTo(address)
    await state(page, 'sent')
    await letRunOut(address, 2)
    await state(page, 'expired')
    await page.getByText('This code has expired. Ask for a new one.').first().waitFor()
    await page.getByRole('button', { name: 'Send a new code' }).click()
    const next = await mailTo(address, id)
    await state(page, 'sent')
    await page.evaluate(`(() => {
      const clipboardData = new DataTransfer()
      clipboardData.setData('text', 'Your code: ${next.code}')
      const paste = new ClipboardEvent('paste', { clipboardData, cancelable: true })
      document.getElementById('code').dispatchEvent(paste)
    })()`)
    expect(await page.locator('#code').inputValue()).toBe(next.code)
    await page.locator('#code').focus()
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Welcome!' }).waitFor()
  })

  test('an address that is refused is shown as undeliverable, and another one can be typed', async () => {
    const page = await open()
    await register(page, 'x.refused.test')
    await state(page, 'undeliverable')
    await expectAccessible(page)
    await page.getByRole('button', { name: 'Use another address' }).click()
    await page.getByRole('heading', { name: 'Create your account' }).waitFor()
  })
})
