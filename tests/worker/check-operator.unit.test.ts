import { Hono } from 'hono'
import * as v from 'valibot'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createLogger } from '../../src/core/process/logger.ts'
import { proxySettings } from '../../src/core/process/settings.ts'
import { checkOperator } from '../../src/worker/operators/check-operator.ts'
import { from } from '../api/api-client.ts'
import { basic } from '../support/api.ts'

const OPERATOR = { username: 'operator', password: 'päßword of the tests' }
const RIGHT = basic(OPERATOR.username, OPERATOR.password)
const WRONG = basic(OPERATOR.username, 'hunter2')
const MINUTE_MS = 60_000

const logger = createLogger('silent', 'test')
const warn = vi.spyOn(logger, 'warn')

const open = (trustedProxies = '') => {
  const app = new Hono()
  const proxies = v.parse(proxySettings.TRUSTED_PROXIES, trustedProxies)
  app.use(checkOperator({ operator: OPERATOR, trustedProxies: proxies, logger }))
  app.get('/', (c) => c.text('inside'))
  return (authorization: string | undefined, client = '192.0.2.1', forwardedFor?: string) => {
    const headers = new Headers(authorization === undefined ? {} : { authorization })
    if (forwardedFor !== undefined) headers.set('x-forwarded-for', forwardedFor)
    return app.request('/', { headers }, from(client))
  }
}

const repeat = async (times: number, request: () => Promise<Response> | Response) => {
  const statuses: number[] = []
  for (let i = 0; i < times; i++) statuses.push((await request()).status)
  return statuses
}
const ten401 = Array(10).fill(401)

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'] })
  warn.mockClear()
})
afterEach(() => void vi.useRealTimers())

test('the operator gets in, and anybody else is asked for credentials', async () => {
  const request = open()
  expect((await request(RIGHT)).status).toBe(200)
  const refusal = await request(undefined)
  expect([refusal.status, refusal.headers.get('www-authenticate')]).toEqual([401, 'Basic realm="Latchkey operators"'])
})

describe('after ten wrong credentials in a minute', () => {
  test('the network is refused with 429, and told for how long', async () => {
    const request = open()
    expect(await repeat(10, () => request(WRONG))).toEqual(ten401)
    const refusal = await request(WRONG)
    expect(refusal.status).toBe(429)
    expect(refusal.headers.get('retry-after')).toMatch(/^(?:[1-9]|[1-5]\d|60)$/)
    expect(refusal.headers.get('www-authenticate')).toBeNull()
  })

  test('right credentials from there are refused too, so that a guess tells nothing', async () => {
    const request = open()
    await repeat(11, () => request(WRONG))
    expect((await request(RIGHT)).status).toBe(429)
  })

  test('the operator elsewhere is let in', async () => {
    const request = open()
    await repeat(20, () => request(WRONG))
    expect((await request(RIGHT, '192.0.2.2')).status).toBe(200)
  })

  test('everybody is let in again when the minute is over, however often it was tried in between', async () => {
    const request = open()
    await repeat(11, () => request(WRONG))
    vi.advanceTimersByTime(MINUTE_MS - 1000)
    await repeat(50, () => request(WRONG))
    expect((await request(RIGHT)).status).toBe(429)
    vi.advanceTimersByTime(1001)
    expect((await request(RIGHT)).status).toBe(200)
  })

  test('the log says so once, with the network and without the credentials', async () => {
    const request = open()
    await repeat(10, () => request(WRONG))
    expect(warn).not.toHaveBeenCalled()
    await repeat(10, () => request(WRONG))
    expect(warn).toHaveBeenCalledOnce()
    expect(warn).toHaveBeenCalledWith({ network: '192.0.2.1' }, expect.stringContaining('too many failed logins'))
  })
})

test('of a thousand guesses at once the right one is not let in', async () => {
  const request = open()
  const answers = await Promise.all(Array.from({ length: 1000 }, (_, i) => request(i === 500 ? RIGHT : WRONG)))
  const statuses = answers.map(({ status }) => status)
  expect(statuses).not.toContain(200)
  expect(statuses.filter((status) => status === 401)).toHaveLength(10)
})

test('a hundred requests of the operator at once pass, and a page without credentials spends nothing', async () => {
  const request = open()
  await repeat(50, () => request(undefined))
  await repeat(50, () => request('Basic %%%'))
  const answers = await Promise.all(Array.from({ length: 100 }, () => request(RIGHT)))
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
})

test('an IPv6 network of 64 bits is one network', async () => {
  const request = open()
  let host = 0
  expect(await repeat(10, () => request(WRONG, `2001:db8:1:2::${++host}`))).toEqual(ten401)
  expect((await request(WRONG, '2001:db8:1:2:ffff::1')).status).toBe(429)
  expect((await request(WRONG, '2001:db8:1:3::1')).status).toBe(401)
})

test('behind a trusted proxy the networks before it are told apart; a header that anybody wrote is not believed', async () => {
  const proxied = open('10.0.0.0/8')
  await repeat(11, () => proxied(WRONG, '10.0.0.1', '203.0.113.9'))
  expect((await proxied(RIGHT, '10.0.0.1', '203.0.113.9')).status).toBe(429)
  expect((await proxied(RIGHT, '10.0.0.1', '203.0.113.10')).status).toBe(200)

  const direct = open()
  let host = 0
  await repeat(11, () => direct(WRONG, '192.0.2.1', `203.0.113.${++host}`))
  expect((await direct(RIGHT, '192.0.2.1', '203.0.113.99')).status).toBe(429)
})
