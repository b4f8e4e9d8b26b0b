import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { findFreePort } from '../../dev/free-port.ts'
import { post } from '../support/api.ts'
import { useTestDatabase } from '../support/database.ts'
import { startProcess } from '../support/processes.ts'
import { ADDRESS, PASSWORD } from './request.ts'

/** Writes down every module that a process loads. */
const NOTE_MODULES = String.raw`
  import { appendFileSync } from 'node:fs'
  import { registerHooks } from 'node:module'
  registerHooks({
    load: (url, context, next) => {
      appendFileSync(process.env.NOTED_MODULES, url + '\n')
      return next(url, context)
    },
  })`

describe('the code that sends traces', () => {
  const loadedBy = async (name: 'api' | 'worker', environment: Record<string, string>): Promise<string> => {
    const folder = mkdtempSync(join(tmpdir(), 'latchkey-modules-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const file = join(folder, 'modules')
    const process = await startProcess(name, {
      ...environment,
      MAIL_URL: 'http://127.0.0.1:9',
      NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(NOTE_MODULES)}`,
      NOTED_MODULES: file,
    })
    onTestFinished(process.kill)
    await expect.poll(() => process.log()).toMatch(/api listening|worker running/)
    if (name === 'api') await fetch(`${process.url}/v1/users`, post({ email: ADDRESS, password: PASSWORD }))
    return readFileSync(file, 'utf8')
  }
  const SDK = /@opentelemetry\/(?!api\/)|bullmq-otel|export-traces/

  test.each(['api', 'worker'] as const)('is not even loaded by the %s without an endpoint', async (name) => {
    const database = await useTestDatabase()
    const loaded = await loadedBy(name, { DATABASE_URL: database.url })
    expect(loaded).toContain('@opentelemetry/api')
    expect(loaded).not.toMatch(SDK)
    const rows = await database.pool.query<{ kept: string | null }>('select trace_context as kept from mails')
    expect(rows.rows).toEqual(name === 'api' ? [{ kept: null }] : [])
  })

  test.each(['api', 'worker'] as const)('is loaded by the %s with one', async (name) => {
    const database = await useTestDatabase()
    const endpoint = `http://127.0.0.1:${await findFreePort()}`
    expect(await loadedBy(name, { DATABASE_URL: database.url, OTEL_EXPORTER_OTLP_ENDPOINT: endpoint })).toMatch(SDK)
  })
})
