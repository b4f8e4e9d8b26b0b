import { Hono } from 'hono'
import { expect, test } from 'vitest'
import { readApiConfig } from '../../../src/api/config.ts'
import type { ApiEnv } from '../../../src/api/context.ts'
import { requestNetwork } from '../../../src/api/request/request-network.ts'
import { from } from '../api-client.ts'
import { GOOD } from '../config/given.ts'

const { TRUSTED_PROXIES: trustedProxies } = readApiConfig({ ...GOOD, TRUSTED_PROXIES: '10.0.0.0/8' })
const app = new Hono<ApiEnv>().get('/', (c) => c.text(requestNetwork(c, { trustedProxies })))

test('a request is of the network that a trusted proxy names, and of its own otherwise', async () => {
  const headers = { 'x-forwarded-for': '198.51.100.7' }
  const networkOf = async (peer: string) => (await app.request('/', { headers }, from(peer))).text()
  expect([await networkOf('10.0.0.1'), await networkOf('192.0.2.1')]).toEqual(['198.51.100.7', '192.0.2.1'])
})
