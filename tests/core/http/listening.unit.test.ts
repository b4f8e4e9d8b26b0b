import { Server } from 'node:net'
import { networkInterfaces } from 'node:os'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { ConfigError } from '../../../src/core/process/config.ts'
import { type HttpServer, startHttpServer } from '../../../src/core/process/http/http-server.ts'
import { restoreGlobals } from '../../support/restore-globals.ts'

restoreGlobals()

let server: HttpServer | undefined
afterEach(async () => {
  vi.restoreAllMocks()
  await server?.close()
  server = undefined
})

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

describe('an address that cannot be listened on', () => {
  const listenOn = (host: string, port: number) =>
    startHttpServer({ fetch: fetchOk }, { host, port, keepAliveSeconds: 65 })

  /** What a machine says that has other ports, names and users than this one. */
  const failWith = (error: Error) =>
    vi.spyOn(Server.prototype, 'listen').mockImplementation(function (this: Server) {
      process.nextTick(() => this.emit('error', error))
      return this
    })

  test('is a fault of the configuration when another has the port', async () => {
    server = await listenOn('127.0.0.1', 0)
    const second = listenOn('127.0.0.1', server.port)
    await expect(second).rejects.toBeInstanceOf(ConfigError)
    await expect(second).rejects.toThrow('PORT or OPS_PORT: another process has it, or both are the same (EADDRINUSE)')
  })

  test('is a fault of the configuration when it is no address of this machine', async () => {
    const second = listenOn('192.0.2.1', 0)
    await expect(second).rejects.toBeInstanceOf(ConfigError)
    await expect(second).rejects.toThrow('HOST: is no address of this machine (EADDRNOTAVAIL)')
  })

  test.each([
    ['EACCES', 'PORT or OPS_PORT: this user may not have it (EACCES)'],
    ['ENOTFOUND', 'HOST: is no address of this machine (ENOTFOUND)'],
  ])('is a fault of the configuration when it is %s', async (code, words) => {
    failWith(Object.assign(new Error('no'), { code }))
    await expect(listenOn('127.0.0.1', 0)).rejects.toThrow(new ConfigError(words))
  })

  test('is what it was when it is nothing of the configuration', async () => {
    const full = Object.assign(new Error('too many open files'), { code: 'EMFILE' })
    failWith(full)
    await expect(listenOn('127.0.0.1', 0)).rejects.toBe(full)
  })
})
