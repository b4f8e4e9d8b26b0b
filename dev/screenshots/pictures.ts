import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'

export const IMAGES = join(import.meta.dirname, '..', '..', 'docs', 'images')
const MAX_BYTES = 200_000
const GAP = 16

/** A page of a new profile. */
export const openPage = async (browser: Browser, url: string, options: BrowserContextOptions): Promise<Page> => {
  const context = await browser.newContext({ reducedMotion: 'reduce', ...options })
  const page = await context.newPage()
  await page.goto(url)
  return page
}

/** Keeps what the page shows as a picture of the docs. */
export const shoot = async (page: Page, name: string): Promise<void> => save(name, await page.screenshot())

/** Keeps several as one picture, side by side in the order of time. */
export const shootStrip = async (browser: Browser, name: string, pictures: Buffer[]): Promise<void> => {
  const sizes = pictures.map((picture) => ({ width: picture.readUInt32BE(16), height: picture.readUInt32BE(20) }))
  const page = await openPage(browser, 'about:blank', {
    viewport: {
      width: sizes.reduce((sum, { width }) => sum + width, GAP * (pictures.length - 1)),
      height: Math.max(...sizes.map(({ height }) => height)),
    },
  })
  const images = pictures.map((picture) => `<img src="data:image/png;base64,${picture.toString('base64')}">`)
  await page.setContent(
    `<body style="display:flex;align-items:start;gap:${GAP}px;margin:0;background:#fff">${images.join('')}`,
  )
  await shoot(page, name)
  await page.context().close()
}

const save = async (name: string, picture: Buffer): Promise<void> => {
  await writeFile(join(IMAGES, `${name}.png`), picture)
  process.stdout.write(`docs/images/${name}.png  ${Math.round(picture.length / 1000)} kB\n`)
  if (picture.length > MAX_BYTES) throw new Error(`${name}.png is too large`)
}
