import pg from 'pg'
import { expect, onTestFinished, test, vi } from 'vitest'
import { findFreePort } from '../../dev/free-port.ts'
import { startApi } from '../../src/api/main.ts'
import type { Environment } from '../../src/core/process/config.ts'
import type { Begin } from '../../src/core/process/lifecycle.ts'
import { addGuesses } from '../core/add-guesses.ts'
import { forgetTracing, freshTracing } from '../core/telemetry/fresh-tracing.ts'
import { readValue } from '../ops/metric-text.ts'
import { readUser } from '../support/answers.ts'
import { basic, PASSWORD, post, QUICK } from '../support/api.ts'
import { shareTestDatabase } from '../support/database.ts'
import { keepLog } from '../support/kept-log.ts'
import { startTraceCollector } from '../support/trace-collector.ts'
import { codeOf, deliver } from './api-client.ts'

const database = shareTestDatabase()

/** Runs the api as its process does, and tells what it begins, logs and leaves to be closed. */
const run = (environment: Environment = {}, start = startApi) => {
  const { logger, lines, messages } = keepLog()
  const begun: string[][] = []
  const parts: { name: string; close: () => unknown }[] = []
  const stopping = new AbortController()
  const begin: Begin = (level, service) => {
    begun.push([level, service])
    return { logger, onStop: (name, close) => void parts.push({ name, close }), stopping: stopping.signal }
  }
  const stop = async () => {
    stopping.abort()
    for (const { close } of parts.splice(0).toReversed()) await close()
  }
  onTestFinished(stop)
  const started = start(
    { ...QUICK, DATABASE_URL: database.url, HOST: '127.0.0.1', PORT: '0', OPS_PORT: '0', ...environment },
    begin,
  )
  return { started, begun, lines, messages, parts, stop }
}

/** The same when it serves, and where. */
const serve = async (environment?: Environment, start?: typeof startApi) => {
  const { started, ...program } = run(environment, start)
  await started
  const listening = program.lines().find(({ msg }) => msg === 'api listening')
  const at = (port: unknown) => `http://127.0.0.1:${port}`
  return { ...program, url: at(listening?.port), opsUrl: at(listening?.opsPort) }
}

test('it serves people on one port and operators on another, and what it has opened can be closed', async () => {
  const { url, opsUrl, begun, messages, parts, stop } = await serve({ LOG_LEVEL: 'warn' })
  expect([begun, messages()]).toEqual([[['warn', 'api']], ['api listening']])
  expect(parts.map(({ name }) => name)).toEqual(['traces', 'PostgreSQL pool', 'operators HTTP', 'public HTTP'])
  const paths = [`${url}/readyz`, `${url}/metrics`, `${opsUrl}/readyz`, `${opsUrl}/metrics`]
  const statuses = () => Promise.all(paths.map(async (path) => (await fetch(path)).status))
  await expect.poll(statuses).toEqual([200, 404, 200, 200])
  const ended = vi.spyOn(pg.Pool.prototype, 'end')
  onTestFinished(() => ended.mockRestore())
  await stop()
  for (const path of paths) await expect(fetch(path)).rejects.toThrow('fetch failed')
  // Without this connections end, too, but ten seconds later.
  expect(ended).toHaveBeenCalledOnce()
})

/** What operators see of one figure; undefined when it could not be read soon. */
const readFigure = async (opsUrl: string, name: string, labels?: Record<string, string>) =>
  readValue(await (await fetch(`${opsUrl}/metrics`)).text(), `latchkey_${name}`, labels)

test('operators see its figures from the start on', async () => {
  const { opsUrl } = await serve({ MAIL_PROVIDER: 'brevo', MAIL_EVENTS_SECRET: 'a-token' })
  await expect.poll(() => readFigure(opsUrl, 'check_ok', { check: 'database' })).toBe(1)
  await expect.poll(() => readFigure(opsUrl, 'postgres_connections_limit', { pool: 'latchkey-api' })).toBe(20)
  expect(await readFigure(opsUrl, 'mail_bounces_total', { provider: 'brevo', kind: 'complaint' })).toBe(0)
  for (const name of ['hashing_waiting', 'registrations_total']) expect(await readFigure(opsUrl, name)).toBe(0)
})

test('a surge of guesses anywhere is shown', async () => {
  const { opsUrl } = await serve()
  await expect.poll(() => readFigure(opsUrl, 'guess_surge')).toBe(0)
  await addGuesses(database, 'guessed@example.com', 51)
  onTestFinished(async () => void (await database.pool.query('delete from guesses')))
  await expect.poll(() => readFigure(opsUrl, 'guess_surge')).toBe(1)
})

test('its settings reach what they are about', async () => {
  const settings = { SERVICE_NAME: 'A Name', PASSWORD_MIN_LENGTH: '11', KEEP_ALIVE_SECONDS: '7', MAIL_FORM: 'x' }
  const { url, lines } = await serve({ ...settings, CORS_ORIGINS: 'https://app.example.com' })
  expect(lines()).toContainEqual(expect.objectContaining({ names: ['MAIL_FORM'] }))
  const page = await fetch(`${url}/problems/internal`, { headers: { accept: 'text/html' } })
  expect(await page.text()).toContain('A Name</title>')
  expect(page.headers.get('keep-alive')).toBe('timeout=7')
  const register = (password: string) =>
    fetch(`${url}/v1/users`, post({ email: 'set@example.com', password }, { origin: 'https://app.example.com' }))
  const answers = [await register('ten-signs-'), await register('eleven-sign')]
  expect(answers.map(({ status }) => status)).toEqual([422, 202])
  expect(answers[1]?.headers.get('access-control-allow-origin')).toBe('https://app.example.com')
})

test('what it cannot make a request of is answered as a problem', async () => {
  const { url } = await serve()
  const answer = await fetch(`${url}/livez`, { headers: { 'x-long': 'x'.repeat(20_000) } })
  expect([answer.status, answer.headers.get('content-type')]).toEqual([431, 'application/problem+json'])
})

const RECEIVER = { WEBHOOK_URL: 'http://127.0.0.1:9' }

test.each([
  { how: 'where somebody is told', environment: RECEIVER, events: 1 },
  { how: 'where nobody is', environment: {}, events: 0 },
])('an activation raises $events events $how', async ({ environment, events }) => {
  const { url } = await serve({ ...environment, CODE_TTL_SECONDS: '600', RESEND_COOLDOWN_SECONDS: '1234' })
  const body = { email: `${events}@example.com`, password: PASSWORD }
  const registered = await fetch(`${url}/v1/users`, post(body))
  const user = await readUser(registered)
  await deliver(database, user)
  const headers = { authorization: basic(user.email) }
  const resent = await fetch(`${url}/v1/users/${user.id}/codes`, { method: 'POST', headers })
  expect(resent.status).toBe(429)
  expect(Number(resent.headers.get('retry-after'))).toBeGreaterThan(30)
  const code = await codeOf(database, user)
  expect((await fetch(`${url}/v1/users/${user.id}/activation`, post({ code }, headers))).status).toBe(200)
  const raised = await database.pool.query('select 1 from events where user_id = $1', [user.id])
  expect(raised.rowCount).toBe(events)
})

test('without PostgreSQL it serves, waits, and ends its waiting when it is told to stop', async () => {
  const { started, messages, stop } = run({ DATABASE_URL: `postgres://nobody@127.0.0.1:${await findFreePort()}/none` })
  await expect.poll(messages).toContain('waiting for PostgreSQL')
  expect(messages()).toContain('api listening')
  await Promise.all([expect(started).rejects.toThrow('abort'), stop()])
})

test('traces of requests to the API leave as latchkey-api, the last ones as it stops, and no probes', async () => {
  const collector = await startTraceCollector()
  onTestFinished(async () => {
    forgetTracing()
    vi.resetModules()
    await collector.close()
  })
  await freshTracing()
  const { startApi: startFresh } = await import('../../src/api/main.ts')
  const { url, stop } = await serve({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url }, startFresh)
  for (const path of ['/livez', '/v1/account']) await fetch(`${url}${path}`)
  await stop()
  const requests = collector.spans().filter(({ kind }) => kind === 'server')
  expect(requests).toMatchObject([{ name: 'GET /v1/account', service: 'latchkey-api' }])
})
