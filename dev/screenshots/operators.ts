import type { Browser } from 'playwright-core'
import { openPage, shoot } from './pictures.ts'
import { type Run, until } from './run.ts'

const OPERATOR = { username: 'ops', password: 'ops' }
const PATIENT = { timeout: 60_000 }

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

/** What operators see of an outage and of a refused mail. Afterwards the provider is well again, and nobody waits. */
export const shootForOperators = async (browser: Browser, run: Run): Promise<void> => {
  await play(run)
  const open = (url: string, height: number) =>
    openPage(browser, url, { httpCredentials: OPERATOR, viewport: { width: 1280, height } })

  const inbox = await open(run.sandbox, 800)
  await inbox.getByText('ada@example.com', { exact: true }).waitFor()
  await shoot(inbox, 'inbox')

  const outage = await open(`${run.dashboard}/queue/mail?status=delayed`, 880)
  const fourthTry = outage.getByText(/(?:resend-503, next try in [\d.]+ s\s+){4}/)
  await fourthTry.first().waitFor(PATIENT)
  await shoot(outage, 'dashboard-outage')

  const failed = await open(`${run.dashboard}/queue/mail?status=failed`, 540)
  await failed.locator('main a[href*="/queue/mail/"]').first().click()
  await failed.getByText('resend-422 validation-error').waitFor()
  await shoot(failed, 'dashboard-failed-job')

  await inbox.locator('#banner-end').click()
  for (const name of ['edsger', 'donald', 'frances'])
    await inbox.getByText(`${name}@example.com`, { exact: true }).waitFor(PATIENT)
  for (const page of [inbox, outage, failed]) await page.context().close()
}
