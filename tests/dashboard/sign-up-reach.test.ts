import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { SHIPPED_LANGUAGES } from '../../src/core/mail/writing/languages.ts'
import { describeWithBrowser } from '../support/browser.ts'
import { REFUSED, useSignUpPage } from './sign-up-stage.ts'

const TEST_MS = 180_000
const TTL_SECONDS = 20
const PASSWORD = 'seven green parrots'

/** What a screen reader would say of what has the focus. */
const focused = async (page: Page) => (await page.locator(':focus').ariaSnapshot()).split('\n')[0]

/** Presses Tab until the focus is there, and gives all that it stood on. */
const tabTo = async (page: Page, id: string): Promise<(string | undefined)[]> => {
  const stops: (string | undefined)[] = []
  for (let presses = 0; presses < 12; presses += 1) {
    await page.keyboard.press('Tab')
    stops.push(await focused(page))
    if (await page.locator(`#${id}:focus`).count()) return stops
  }
  throw new Error(`Tab does not lead to #${id}, but to ${stops.join(', ')}`)
}

/** Keeps in `heard` what a screen reader is told from now on. */
const listen = (page: Page) =>
  page.evaluate(`{
    window.heard = []
    const live = document.getElementById('live')
    new MutationObserver(() => live.textContent && heard.push(live.textContent)).observe(live, { childList: true })
  }`)

/** What is cut off, or stands out of the window at its side. */
const overflows = (page: Page): Promise<string[]> =>
  page.evaluate(`[...document.querySelectorAll('body *')].flatMap((element) => {
    const { left, right, width, height } = element.getBoundingClientRect()
    const isUnseen = width <= 1 || height <= 1 || element.closest('.unseen, svg, select')
    if (isUnseen) return []
    const isOut = left < -0.5 || right > document.documentElement.clientWidth + 0.5
    const isCut = element.matches('button, label, p, h1') &&
      (element.scrollWidth > element.clientWidth + 1 || element.scrollHeight > element.clientHeight + 2)
    return isOut || (isCut && getComputedStyle(element).display !== 'inline')
      ? [element.tagName + '#' + element.id + ' ' + element.textContent.trim().slice(0, 40)] : []
  })`)

describeWithBrowser('whoever cannot see, point or hold a large screen', { timeout: TEST_MS }, () => {
  const { open, register, newAddress, state, mailTo, letRunOut, confirm } = useSignUpPage(TTL_SECONDS)

  test('signs up with Tab, Space and Enter, and each stop has a name', async () => {
    const page = await open('en', { expected: REFUSED })
    await page.locator('#email:focus').waitFor()
    const address = newAddress()
    await page.keyboard.type(address)
    expect(await tabTo(page, 'password')).toEqual(['- textbox "Password"'])
    await page.keyboard.type(PASSWORD)
    expect(await tabTo(page, 'show')).toEqual(['- button "Show password"'])
    await page.keyboard.press('Space')
    expect(await focused(page)).toBe('- button "Show password" [pressed]')
    expect(await page.locator('#password').getAttribute('type')).toBe('text')
    expect(await tabTo(page, 'create')).toEqual(['- button "Create account"'])
    await page.keyboard.press('Enter')
    await state(page, 'sent')
    expect(await focused(page)).toBe('- textbox "Code from the mail"')
    const { id, code } = await mailTo(address)
    await page.keyboard.type(code === '0000' ? '0001' : '0000')
    await page.keyboard.press('Enter')
    await page.getByText('Attempts left: 2.').waitFor()
    expect(await page.locator('#code:focus').count()).toBe(1)
    await page.locator('#resend:not([aria-disabled="true"])').waitFor()
    expect(await tabTo(page, 'resend')).toEqual(['- button "Confirm"', '- button "Send a new code"'])
    await page.keyboard.press('Space')
    const next = await mailTo(address, id)
    await state(page, 'sent')
    expect(await focused(page)).toBe('- textbox "Code from the mail"')
    await page.keyboard.type(next.code)
    expect(await tabTo(page, 'confirm')).toEqual(['- button "Confirm"'])
    await page.keyboard.press('Space')
    await page.locator('#active').waitFor()
    expect(await focused(page)).toBe('- heading "Welcome!" [level=1]')
    expect(await tabTo(page, 'again')).toEqual(['- button "Create another account"'])
  })

  test('hears which step it is from the title, and what happens once', async () => {
    const page = await open('de')
    await page.locator('#email:focus').waitFor()
    expect(await page.title()).toBe('Konto erstellen')
    await listen(page)
    const address = await register(page)
    expect(await page.title()).toBe('Prüfen Sie Ihr Postfach')
    await state(page, 'sent')
    await letRunOut(address, 12)
    const heard = () => page.evaluate<string[]>('heard')
    await expect.poll(heard).toContainEqual(expect.stringMatching(/^(?:10|[6-9]) Sekunden$/))
    expect((await heard()).filter((text) => / gesendet\. \d+ Sekunden$/.test(text))).toHaveLength(1)
    expect(await heard()).toEqual([...new Set(await heard())])
    await confirm(page, (await mailTo(address)).code)
    await page.locator('#active').waitFor()
    expect(await page.title()).toBe('Willkommen!')
  })

  test('stands on the button for a new code when the code runs out under the cursor', async () => {
    const page = await open()
    const address = await register(page)
    await state(page, 'sent')
    await page.keyboard.type('12')
    await letRunOut(address, 3)
    await state(page, 'expired')
    expect(await focused(page)).toBe('- button "Send a new code"')
    expect(await page.getByRole('status').textContent()).toBe('This code has expired. Ask for a new one.')
  })

  test('reads a complaint in the language that is chosen after it', async () => {
    const page = await open('en', { expected: REFUSED })
    await page.locator('#email').fill('nobody')
    await page.locator('#password').fill(PASSWORD)
    await page.keyboard.press('Enter')
    await page.getByText('Please check this address.').waitFor()
    await page.locator('#language').selectOption('de')
    await page.getByText('Bitte prüfen Sie diese Adresse.').waitFor()
    await register(page)
    await state(page, 'sent')
    await confirm(page, '12')
    await page.getByText('Der Code hat 4 Ziffern').waitFor()
    await page.locator('#language').selectOption('fr')
    await page.getByText('Le code comporte 4 chiffres').waitFor()
  })

  test('finds nothing cut off at 360 and 320 px, in any language and at any step', async () => {
    const page = await open('en', { expected: REFUSED })
    const found: Record<string, string[]> = {}
    const look = async (step: string) => {
      for (const language of SHIPPED_LANGUAGES) {
        await page.locator('#language').selectOption(language)
        await page.locator(`html[lang="${language}"]`).waitFor()
        for (const width of [360, 320]) {
          await page.setViewportSize({ width, height: 780 })
          const cut = await overflows(page)
          if (cut.length > 0) found[`${step} ${language} ${width}`] = cut
        }
      }
    }
    await page.locator('#create').click()
    await page.locator('#email-fault:not(:empty)').waitFor()
    await look('form')
    const address = await register(page)
    await state(page, 'sent')
    await confirm(page, '12')
    await look('code')
    await letRunOut(address, 2)
    await state(page, 'expired')
    await look('over')
    const { id } = await mailTo(address)
    await page.locator('#resend').click()
    await confirm(page, (await mailTo(address, id)).code)
    await page.locator('#active').waitFor()
    await look('active')
    expect(found).toEqual({})
  })
})
