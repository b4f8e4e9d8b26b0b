import { describe, expect, test } from 'vitest'
import { inbox, json, mail, openEvents, request, sandbox, send, setFault, useMailSandbox } from './sandbox-stage.ts'

useMailSandbox()

describe('the page', () => {
  test('it comes with a policy that lets no other host in, and so do its parts', async () => {
    const page = await request('/')
    const parts = [...(await page.text()).matchAll(/(?:href|src)="(\/[^"]+)"/g)].map(([, path = '']) => path)
    expect(page.headers.get('content-security-policy')).toMatch(/^default-src 'none'; script-src 'self';/)
    expect(parts).toContain('/main.js')
    for (const part of parts) expect((await request(part)).status).toBe(200)
  })

  test('every module that a module imports is served', async () => {
    const seen = new Set(['/main.js'])
    for (const path of seen) {
      const answer = await request(path)
      expect([path, answer.status]).toEqual([path, 200])
      for (const [, name] of (await answer.text()).matchAll(/from '\.(\/[^']+)'/g)) seen.add(name ?? '')
    }
    expect(seen.size).toBeGreaterThan(1)
  })

  test('its event stream starts with what there is and announces each mail and each fault', async () => {
    await send({ ...mail, subject: 'before' })
    const stream = await openEvents()
    expect(await stream.next()).toMatchObject({ event: 'inbox', data: { data: [{ subject: 'before' }] } })
    expect(await stream.next()).toMatchObject({ event: 'fault', data: { fault: null } })
    await send(mail, { key: 'k' })
    expect(await stream.next()).toMatchObject({ event: 'mail', data: { code: '0421', repeats: 0 } })
    await send(mail, { key: 'k' })
    expect(await stream.next()).toMatchObject({ event: 'mail', data: { code: '0421', repeats: 1 } })
    await setFault({ kind: 'hang' })
    expect(await stream.next()).toMatchObject({ event: 'fault', data: { fault: { kind: 'hang' } } })
    await request('/emails', { method: 'DELETE' })
    expect(await stream.next()).toEqual({ event: 'inbox', data: { data: [] } })
  })

  test.each([
    { method: 'PUT', path: '/faults', body: JSON.stringify({ kind: 'hang' }) },
    { method: 'DELETE', path: '/faults', body: null },
    { method: 'DELETE', path: '/emails', body: null },
  ])('$method $path from the page of another origin is refused', async ({ method, path, body }) => {
    await send(mail)
    for (const origin of ['http://evil.example', 'http://127.0.0.1:1', 'null']) {
      expect((await request(path, { method, body, headers: { Origin: origin } })).status).toBe(403)
    }
    expect(await inbox()).toHaveLength(1)
    expect(await json('/faults')).toMatchObject({ fault: null })
    expect((await request(path, { method, body, headers: { Origin: sandbox.url } })).ok).toBe(true)
  })
})
