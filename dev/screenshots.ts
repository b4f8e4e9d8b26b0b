import { mkdir, mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Browser, Page } from 'playwright-core'
import { startBrowser } from './browser.ts'
import { startChild } from './child.ts'
import { findFreePort } from './embedded-postgres.ts'

/** Takes the pictures of the docs from a real run: `make run`'s program, people who register, and a provider that breaks. */
const IMAGES = join(import.meta.dirname, '..', 'docs', 'images')
const MAX_BYTES = 150_000
const OPERATOR = { username: 'ops', password: 'ops' }
const START_MS = 60_000

type Run = { api: string; dashboard: string; sandbox: string; stop(): Promise<void> }

const startRun = async (): Promise<Run> => {
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-screenshots-'))
  const [port, apiOps, workerOps, sandbox] = [
    await findFreePort(),
    await findFreePort(),
    await findFreePort(),
    await findFreePort(),
  ]
  const ports = { PORT: port, API_OPS_PORT: apiOps, WORKER_OPS_PORT: workerOps, SANDBOX_PORT: sandbox }
  const environment = Object.fromEntries(Object.entries(ports).map(([name, value]) => [name, String(value)]))
  let output = ''
  const log = new Writable({
    write: (chunk, _encoding, done) => {
      output += chunk
      done()
    },
  })
  const child = startChild('dev/run.ts', { PATH: process.env.PATH, LATCHKEY_DATA: folder, ...environment }, log)
  await until(async () => output.includes('Latchkey is running'))
  return {
    api: `http://127.0.0.1:${port}`,
    dashboard: `http://127.0.0.1:${workerOps}/dashboard`,
    sandbox: `http://127.0.0.1:${sandbox}`,
    stop: async () => {
      await child.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

const until = async (isSo: () => Promise<boolean>): Promise<void> => {
  const end = Date.now() + START_MS
  while (!(await isSo())) {
    if (Date.now() > end) throw new Error('it did not come to that in time')
    await sleep(100)
  }
}

const register = async (run: Run, name: string): Promise<void> => {
  const body = JSON.stringify({ email: `${name}@example.com`, password: 'seven green parrots' })
  await fetch(`${run.api}/v1/users`, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
}

const breakProvider = (run: Run, fault: object) =>
  fetch(`${run.sandbox}/faults`, { method: 'PUT', body: JSON.stringify(fault) })

/** Three people get their codes, one mail is refused for good, and three wait through an outage. */
const play = async (run: Run): Promise<void> => {
  const inbox = async () => (await fetch(`${run.sandbox}/emails`)).text()
  for (const name of ['ada', 'grace', 'barbara']) {
    await register(run, name)
    await until(async () => (await inbox()).includes(`${name}@`))
  }
  await breakProvider(run, { kind: 'status', status: 422, times: 1 })
  await register(run, 'nobody')
  await until(async () => !(await (await fetch(`${run.sandbox}/faults`)).text()).includes('422'))
  await breakProvider(run, { kind: 'status', status: 503 })
  for (const name of ['edsger', 'donald', 'frances']) await register(run, name)
}

const shoot = async (page: Page, name: string): Promise<void> => {
  const path = join(IMAGES, `${name}.png`)
  await page.screenshot({ path })
  const { size } = await stat(path)
  process.stdout.write(`docs/images/${name}.png  ${Math.round(size / 1000)} kB\n`)
  if (size > MAX_BYTES) throw new Error(`${name}.png is too large`)
}

const openPage = async (browser: Browser, url: string, height: number): Promise<Page> => {
  const context = await browser.newContext({ httpCredentials: OPERATOR, viewport: { width: 1280, height } })
  const page = await context.newPage()
  await page.goto(url)
  return page
}

const shootAll = async (browser: Browser, run: Run): Promise<void> => {
  const inbox = await openPage(browser, run.sandbox, 800)
  await inbox.getByText('ada@example.com', { exact: true }).waitFor()
  await shoot(inbox, 'inbox')

  const outage = await openPage(browser, `${run.dashboard}/queue/mail?status=delayed`, 880)
  const fourthTry = outage.getByText(/(?:resend-503, next try in [\d.]+ s\s+){4}/)
  await fourthTry.first().waitFor({ timeout: START_MS })
  await shoot(outage, 'dashboard-outage')

  const failed = await openPage(browser, `${run.dashboard}/queue/mail?status=failed`, 540)
  await failed.locator('main a[href*="/queue/mail/"]').first().click()
  await failed.getByText('resend-422 validation-error').waitFor()
  await shoot(failed, 'dashboard-failed-job')
}

await mkdir(IMAGES, { recursive: true })
const run = await startRun()
try {
  await play(run)
  const browser = await startBrowser()
  await shootAll(browser, run).finally(() => browser.close())
} finally {
  await run.stop()
}
