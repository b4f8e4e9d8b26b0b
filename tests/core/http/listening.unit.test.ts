import { networkInterfaces } from 'node:os'
import { afterEach, expect, test } from 'vitest'
import { type HttpServer, startHttpServer } from '../../../src/core/process/http/http-server.ts'
import { restoreGlobals } from '../../support/restore-globals.ts'

restoreGlobals()

let server: HttpServer | undefined
afterEach(() => server?.close())

const fetchOk = () => new Response('ok')
const hasIpv6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === '::1'))

const ask = async (host: string) => fetch(`http://${host}:${server?.port}/`, { headers: { connection: 'keep-alive' } })

test('without HOST it listens on IPv4 and, where the machine has it, IPv6', async () => {
  server = await startHttpServer({ fetch: fetchOk }, { port: 0, keepAliveSeconds: 65 })
  expect(await (await ask('127.0.0.1')).text()).toBe('ok')
  if (hasIpv6) expect(await (await ask('[::1]')).text()).toBe('ok')
})

test('with HOST it listens on that address alone', async () => {
  server = await startHttpServer({ fetch: fetchOk }, { host: '127.0.0.1', port: 0, keepAliveSeconds: 65 })
  expect(await (await ask('127.0.0.1')).text()).toBe('ok')
  await expect(ask('[::1]')).rejects.toThrow()
})

test('an idle connection is kept for as long as is set, and the client is told', async () => {
  server = await startHttpServer({ fetch: fetchOk }, { port: 0, keepAliveSeconds: 600 })
  const answer = await ask('127.0.0.1')
  expect([await answer.text(), answer.headers.get('keep-alive')]).toEqual(['ok', 'timeout=600'])
})

test('a path that is not plain is refused, whatever app stands behind', async () => {
  server = await startHttpServer({ fetch: fetchOk }, { port: 0, keepAliveSeconds: 65 })
  for (const path of ['a//b', 'a%2fb', 'a%5Cb', '%41', 'z%7Ez'])
    expect((await fetch(`http://127.0.0.1:${server.port}/${path}`)).status).toBe(400)
})

test('what has no other spelling may be encoded', async () => {
  server = await startHttpServer({ fetch: fetchOk }, { port: 0, keepAliveSeconds: 65 })
  for (const path of ['%40', '%5B%5D', '%60%7B%7D', '%20%00%ff', '%E0%A4%A', '%', '%zz', 'a%3Bb%3A%3F', '?%41'])
    expect([path, (await fetch(`http://127.0.0.1:${server.port}/${path}`)).status]).toEqual([path, 200])
})
