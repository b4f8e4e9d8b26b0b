import { describe, expect, test, vi } from 'vitest'
import { startMailSandbox } from '../../dev/mail-sandbox/mail-sandbox.ts'
import { PATIENT } from '../support/patient.ts'
import {
  API_KEY,
  idOf,
  inbox,
  json,
  knock,
  mail,
  openEvents,
  request,
  sandbox,
  send,
  setFault,
  useMailSandbox,
} from './sandbox-stage.ts'

useMailSandbox()

describe('faults', () => {
  test('a status is answered as often as told, with its Retry-After, and takes no mail', async () => {
    const fault = { kind: 'status', status: 429, times: 2, retryAfter: '5' }
    expect(await setFault(fault)).toEqual({ fault, left: 2, until: null })
    const first = await send(mail)
    expect([first.status, first.headers.get('retry-after')]).toEqual([429, '5'])
    expect(await first.json()).toMatchObject({ statusCode: 429, name: 'rate_limit_exceeded' })
    expect(await json('/faults')).toEqual({ fault, left: 1, until: null })
    expect((await send(mail)).status).toBe(429)
    expect(await inbox()).toEqual([])
    expect(await json('/faults')).toEqual({ fault: null, left: null, until: null })
    expect((await send(mail)).status).toBe(200)
  })

  test('a fault without a count lasts until it is ended', async () => {
    await setFault({ kind: 'status', status: 503 })
    for (let i = 0; i < 5; i++) expect((await send(mail)).status).toBe(503)
    expect(await json('/faults', { method: 'DELETE' })).toMatchObject({ fault: null })
    expect((await send(mail)).status).toBe(200)
  })

  test('a late provider takes the mail and answers properly in the end', async () => {
    await setFault({ kind: 'latency', ms: 150, times: 1 })
    const started = performance.now()
    const answer = await send(mail)
    expect(performance.now() - started).toBeGreaterThanOrEqual(145)
    expect(await inbox()).toMatchObject([{ id: await idOf(answer) }])
  })

  test('a hanging provider takes the mail and never answers, and a retry finds it taken', async () => {
    await setFault({ kind: 'hang', times: 1 })
    const caller = new AbortController()
    const unanswered = send(mail, { key: 'k', signal: caller.signal })
    await vi.waitFor(async () => expect(await inbox()).toHaveLength(1), PATIENT)
    caller.abort()
    await expect(unanswered).rejects.toThrow('aborted')
    expect((await send(mail, { key: 'k' })).status).toBe(200)
    expect(await inbox()).toMatchObject([{ repeats: 1 }])
  })

  test('a silent provider neither answers nor takes the mail', async () => {
    await setFault({ kind: 'silent', times: 1 })
    const caller = new AbortController()
    const unanswered = send(mail, { signal: caller.signal })
    await vi.waitFor(async () => expect(await json('/faults')).toMatchObject({ fault: null }), PATIENT)
    caller.abort()
    await expect(unanswered).rejects.toThrow('aborted')
    expect(await inbox()).toEqual([])
  })

  test('a reset cuts the connection without an answer and takes no mail', async () => {
    await setFault({ kind: 'reset', times: 1 })
    await expect(send(mail)).rejects.toMatchObject({ cause: { code: 'ECONNRESET' } })
    expect(await inbox()).toEqual([])
    expect((await send(mail)).status).toBe(200)
  })

  test('a refusal really closes the port, open streams included, and comes back on it', async () => {
    const stream = await openEvents()
    const state = await setFault({ kind: 'refuse', seconds: 1 })
    expect(state).toMatchObject({ fault: { kind: 'refuse', seconds: 1 }, until: expect.any(String) })
    await expect(stream.ended()).resolves.toBe(true)
    expect(await knock()).toBe('ECONNREFUSED')
    await expect(send(mail)).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } })
    await vi.waitFor(async () => expect((await send(mail)).status).toBe(200), PATIENT)
    await vi.waitFor(async () => expect(await json('/faults')).toMatchObject({ fault: null }), PATIENT)
  })

  test.each([
    { fault: { kind: 'meteor' }, complaint: 'kind' },
    { fault: { kind: 'status', status: 200 }, complaint: 'status' },
    { fault: { kind: 'status', status: 503, times: 0 }, complaint: 'times' },
    { fault: { kind: 'status', status: 503, retryAfter: '5\r\nX: y' }, complaint: 'retryAfter' },
    { fault: { kind: 'latency' }, complaint: 'ms' },
    { fault: { kind: 'refuse', seconds: 301 }, complaint: 'seconds' },
    { fault: { kind: 'hang', time: 3 }, complaint: 'time' },
  ])('$fault is refused with 422 that names $complaint', async ({ fault, complaint }) => {
    const answer = await request('/faults', { method: 'PUT', body: JSON.stringify(fault) })
    expect(answer.status).toBe(422)
    expect(await answer.json()).toMatchObject({ message: expect.stringContaining(`${complaint}: `) })
    expect(await json('/faults')).toMatchObject({ fault: null })
  })
})

test('closing ends open streams, hanging requests and a refusal without delay', async () => {
  const stream = await openEvents()
  await setFault({ kind: 'hang' })
  const unanswered = expect(send(mail)).rejects.toThrow('fetch failed')
  await vi.waitFor(async () => expect(await inbox()).toHaveLength(1), PATIENT)
  await setFault({ kind: 'refuse', seconds: 300 })
  await vi.waitFor(async () => expect(await knock()).toBe('ECONNREFUSED'), PATIENT)
  await sandbox.close()
  await unanswered
  await expect(stream.ended()).resolves.toBe(true)
})

test('a port that is taken is reported at the start', async () => {
  const port = Number(new URL(sandbox.url).port)
  const second = startMailSandbox({ port, host: '127.0.0.1', apiKey: API_KEY })
  await expect(second).rejects.toMatchObject({ code: 'EADDRINUSE' })
})
