import { readFileSync } from 'node:fs'
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, inject } from 'vitest'
import { startBrowser } from '../../dev/browser.ts'
import { PATIENT } from './patient.ts'

const AXE = readFileSync(new URL(import.meta.resolve('axe-core/axe.min.js')), 'utf8')

// The rules that may find something else in the dark.
const OF_COLORS = ['color-contrast', 'link-in-text-block']

export type Credentials = { username: string; password: string }

/** `describe` where there is a browser; elsewhere skipped, which `servers.ts` says once and loudly. */
export const describeWithBrowser = describe.runIf(inject('browser'))

/**
 * A browser for the tests of one `describe`, which hands out fresh pages. After each test nothing may have gone wrong in one:
 * no request to another host, no script error, nothing that the content policy refused.
 */
export const useBrowser = () => {
  let browser: Browser
  let faults: string[] = []

  beforeAll(async () => {
    browser = await startBrowser()
  })
  afterEach(async () => {
    await Promise.all(browser.contexts().map((context) => context.close()))
    const seen = faults
    faults = []
    expect(seen).toEqual([])
  })
  afterAll(() => browser.close())

  return {
    /**
     * A page of a new profile; `expected` are complaints of the console that the test provokes, `others` what it may call besides.
     * Warnings count with `warnings`, as of pages that are ours alone.
     */
    open: async (
      url: string,
      options: { credentials?: Credentials; expected?: RegExp; others?: string[]; warnings?: boolean } = {},
    ): Promise<Page> => {
      const { credentials, expected, others = [], warnings = false } = options
      const complaints = warnings ? ['error', 'warning'] : ['error']
      const context = await browser.newContext({ ...(credentials && { httpCredentials: credentials }) })
      context.setDefaultTimeout(PATIENT.timeout)
      const page = await context.newPage()
      const hosts = [url, ...others].map((one) => new URL(one).host)
      page.on('request', (request) => {
        if (!isOwn(request.url(), hosts)) faults.push(`asks ${request.url()}`)
      })
      page.on('pageerror', (error) => void faults.push(error.message))
      page.on('console', (message) => {
        if (complaints.includes(message.type()) && !expected?.test(message.text())) faults.push(message.text())
      })
      await page.goto(url)
      return page
    },
  }
}

const isOwn = (url: string, hosts: string[]): boolean => {
  const { host, protocol } = new URL(url)
  return hosts.includes(host) || /^(?:data|blob|about):$/.test(protocol)
}

/** What axe-core finds wrong with the page as it is now, in light and dark, as `rule: element`; `except` are rules that are not asked. */
export const expectAccessible = async (page: Page, except: string[] = []): Promise<void> => {
  await page.evaluate(AXE)
  const rules = Object.fromEntries(except.map((rule) => [rule, { enabled: false }]))
  const ofColors = OF_COLORS.filter((rule) => !except.includes(rule))
  for (const [colorScheme, which] of [
    ['light', { rules }],
    ['dark', { runOnly: ofColors }],
  ] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    const options = JSON.stringify({ ...which, resultTypes: ['violations'] })
    const found = await page.evaluate(
      `axe.run(${options}).then(({ violations }) =>
        violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => id + ': ' + html.slice(0, 200))))`,
    )
    expect(found, colorScheme).toEqual([])
  }
}
