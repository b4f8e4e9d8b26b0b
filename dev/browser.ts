import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { type Browser, chromium } from 'playwright-core'

const PROGRAMS = ['chromium-headless-shell', 'chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome']
// The popups of the address bar, a page each for every window, cost more than the window's own page. This list takes the place of
// Playwright's, so its entries are here, too.
const UNUSED = [
  'WebUIOmniboxPopup',
  'WebUIOmniboxAimPopup',
  'AimEnabled',
  'AvoidCorsURLLoaderRestartOnRedirect',
  'AvoidUnnecessaryBeforeUnloadCheckSync',
  'DestroyProfileOnBrowserClose',
  'HttpsFirstBalancedModeAutoEnable',
  'HttpsUpgrades',
  'LensOverlay',
  'MediaRouter',
  'NetworkTimeServiceQuerying',
  'OptimizationHints',
  'PaintHolding',
  'PreconnectToSearch',
  'ThirdPartyStoragePartitioning',
]
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  `--disable-features=${UNUSED.join(',')}`,
]

/** The path of this machine's Chromium or Chrome; null where there is none. */
export const findBrowser = (): string | null => {
  const folders = (process.env.PATH ?? '').split(delimiter)
  return PROGRAMS.flatMap((program) => folders.map((folder) => join(folder, program))).find(existsSync) ?? null
}

/** Starts it without a window, with a profile of its own that is gone afterwards. */
export const startBrowser = async (): Promise<Browser> => {
  const executablePath = findBrowser()
  if (executablePath === null) throw new Error(`There is no browser: none of ${PROGRAMS.join(', ')} is on PATH.`)
  return chromium.launch({ executablePath, args: FLAGS })
}
