import { describe, expect, onTestFinished, test } from 'vitest'
import { findFreePort } from '../../dev/free-port.ts'
import { post } from '../support/api.ts'
import { useTestDatabase } from '../support/database.ts'
import { startMailProvider } from '../support/mail-provider.ts'
import { startProcess, type TestProcess } from '../support/processes.ts'
import { startTraceCollector } from '../support/trace-collector.ts'
import { linesOf, PASSWORD } from './request.ts'

describe.each([
  {
    what: 'is not there',
    start: async () => ({ url: `http://127.0.0.1:${await findFreePort()}`, close: async () => {} }),
  },
  { what: 'never answers', start: () => startTraceCollector('deaf') },
])('a collector that $what', ({ start }) => {
  test('changes nothing but for one warning, and a stop is as quick', async () => {
    const [database, provider, collector] = [await useTestDatabase(), await startMailProvider(), await start()]
    onTestFinished(async () => void (await Promise.all([provider.close(), collector.close()])))
    const common = { DATABASE_URL: database.url, MAIL_URL: provider.url, OTEL_EXPORTER_OTLP_ENDPOINT: collector.url }
    const [api, worker] = await Promise.all([startProcess('api', common), startProcess('worker', common)])
    onTestFinished(async () => void (await Promise.all([api.kill(), worker.kill()])))
    for (const name of ['one', 'two', 'three']) {
      const email = `${name}@example.com`
      expect((await fetch(`${api.url}/v1/users`, post({ email, password: PASSWORD }))).status).toBe(202)
      await expect.poll(() => provider.inbox(email).length).toBe(1)
    }
    const warnings = (process: TestProcess) =>
      linesOf(process).filter(({ msg }) => String(msg).includes('OTEL_EXPORTER_OTLP_ENDPOINT'))
    await expect.poll(() => warnings(api).length).toBe(1)
    await expect.poll(() => warnings(worker).length).toBe(1)
    await fetch(`${api.url}/v1/users`, post({ email: 'last@example.com', password: PASSWORD }))
    const begun = performance.now()
    expect(await Promise.all([api.stop(), worker.stop()])).toEqual([0, 0])
    expect(performance.now() - begun).toBeLessThan(8000)
    expect(warnings(api).length + warnings(worker).length).toBe(2)
    expect(warnings(api)).toMatchObject([{ level: 'warn' }])
  })
})
