import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import * as v from 'valibot'
import { findBrowser } from './browser.ts'
import { startRun } from './screenshots/run.ts'

/**
 * Lighthouse's figure for the accessibility of our pages; fails below 100. Not a dependency: its 77 packages are 150 MB, and its
 * rules are a part of axe-core's, all of which the tests ask at every step.
 */
const LIGHTHOUSE = 'lighthouse@13.5.0'
const OPTIONS = ['--only-categories=accessibility', '--output=json', '--quiet', '--no-enable-error-reporting']
const CHROME_FLAGS = '--chrome-flags=--headless=new --no-sandbox --disable-gpu --disable-background-networking'
const MAX_OUTPUT_BYTES = 50_000_000

const report = v.object({
  categories: v.object({ accessibility: v.object({ score: v.number() }) }),
  audits: v.record(v.string(), v.object({ title: v.string(), score: v.nullable(v.number()) })),
})

/** The figure out of 100, and what it was taken down for. */
const measure = async (url: string): Promise<{ figure: number; faults: string[] }> => {
  const npm = ['exec', '--yes', '--ignore-scripts', `--package=${LIGHTHOUSE}`, '--', 'lighthouse']
  const { stdout } = await promisify(execFile)('npm', [...npm, url, ...OPTIONS, CHROME_FLAGS], {
    env: { ...process.env, CHROME_PATH: findBrowser() ?? undefined },
    maxBuffer: MAX_OUTPUT_BYTES,
  })
  const { categories, audits } = v.parse(report, JSON.parse(stdout))
  const faults = Object.values(audits).filter(({ score }) => score !== null && score < 1)
  return { figure: Math.round(categories.accessibility.score * 100), faults: faults.map(({ title }) => title) }
}

const run = await startRun()
try {
  const pages = [`${run.sandbox}/sign-up`, `${run.sandbox}/`, `${run.sandbox}/texts`, `${run.api}/problems/not-found`]
  for (const url of pages) {
    const { figure, faults } = await measure(url)
    process.stdout.write(`${figure}  ${new URL(url).pathname}\n${faults.map((fault) => `     ${fault}\n`).join('')}`)
    if (figure < 100) process.exitCode = 1
  }
} finally {
  await run.stop()
}
