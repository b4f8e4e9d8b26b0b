import type { ExpectStatic } from 'vitest'
import { PASSWORD, post } from '../support/api.ts'
import type { MailProvider } from '../support/mail-provider.ts'
import type { TestProcess, TestProgram } from '../support/processes.ts'

// Longer than three of the pauses, and than what BullMQ waits for a stalled job.
export const OUTAGE_MS = 6000
const HALF_A_CORE = 0.5

type Installation = { worker: TestProcess; api: TestProgram; provider: MailProvider }

/** Registers somebody, breaks the store, and says how the worker bears it: what it burns, and what it logs. */
export const bear = async (
  { worker, api, provider }: Installation,
  breakStore: () => Promise<() => Promise<unknown>>,
  email: string,
  expect: ExpectStatic,
) => {
  const register = (to: string) => fetch(`${api.url}/v1/users`, post({ email: to, password: PASSWORD }))
  expect((await register(`before-${email}`)).status).toBe(202)
  await expect.poll(() => provider.inbox(`before-${email}`).length).toBe(1)
  const [logged, loggedByApi] = [worker.log().length, api.log().length]
  const mendStore = await breakStore()
  try {
    const [burnt, at] = [await cpuSeconds(worker), performance.now()]
    expect([202, 503]).toContain((await register(email)).status)
    await new Promise((resolve) => setTimeout(resolve, OUTAGE_MS))
    expect((await fetch(`${worker.opsUrl}/livez`)).status).toBe(200)
    expect(((await cpuSeconds(worker)) - burnt) / ((performance.now() - at) / 1000)).toBeLessThan(HALF_A_CORE)
  } finally {
    await mendStore()
  }
  await register(`after-${email}`)
  await expect.poll(() => provider.inbox(`after-${email}`).length).toBe(1)
  const lines = troubleIn(worker.log().slice(logged))
  expect(lines, lines.join('\n')).toHaveLength(1)
  expect(lines[0]).toContain('is unavailable')
  expect(lines[0]).not.toContain('stack')
  await expect.poll(() => worker.log().slice(logged)).toContain('works again')
  const linesOfApi = troubleIn(api.log().slice(loggedByApi))
  expect(linesOfApi.filter((line) => line.includes('stack') || !line.includes('is unavailable'))).toEqual([])
  expect(linesOfApi.length).toBeLessThanOrEqual(1)
}

const cpuSeconds = async ({ opsUrl }: TestProcess): Promise<number> => {
  const [, seconds] =
    /^\w*process_cpu_seconds_total(?:\{.*\})? (\S+)$/m.exec(await (await fetch(`${opsUrl}/metrics`)).text()) ?? []
  return Number(seconds)
}

export const troubleIn = (log: string): string[] =>
  log.split('\n').filter((line) => /"level":"(?:warn|error|fatal)"/.test(line))
