import { mkdir } from 'node:fs/promises'
import { startBrowser } from './browser.ts'
import { shootForOperators } from './screenshots/operators.ts'
import { IMAGES } from './screenshots/pictures.ts'
import { startRun } from './screenshots/run.ts'
import { shootSignUp } from './screenshots/sign-up.ts'

/** Takes the pictures of the docs from a real run: `make run`'s program, people who register, and a provider that breaks. */
await mkdir(IMAGES, { recursive: true })
const run = await startRun()
try {
  const browser = await startBrowser()
  try {
    await shootForOperators(browser, run)
    await shootSignUp(browser, run)
  } finally {
    await browser.close()
  }
} finally {
  await run.stop()
}
