import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createEgress } from '../../../src/core/process/http/egress.ts'

const SETTINGS = { timeoutMs: 1000, connections: 3, maxAnswerBytes: 100 }

let server: Server
let address: string
let open: Set<Socket>
let mostOpen: number
let heard: string[]

/** Takes connections and says nothing. */
beforeEach(async () => {
  open = new Set()
  mostOpen = 0
  heard = []
  server = createServer((socket) => {
    open.add(socket)
    mostOpen = Math.max(mostOpen, open.size)
    socket.on('data', (chunk) => void heard.push(chunk.toString('latin1')))
    socket.on('error', () => {}).on('close', () => open.delete(socket))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const bound = server.address()
  address = `127.0.0.1:${typeof bound === 'object' && bound !== null ? bound.port : 0}`
})
afterEach(() => {
  for (const socket of open) socket.destroy()
  server.close()
})

const callAtOnce = async (egress: ReturnType<typeof createEgress>, origin: string, times: number) => {
  const calls = Array.from({ length: times }, () => egress.request({ origin, path: '/', method: 'GET' }))
  const ends = await Promise.allSettled(calls).finally(() => egress.destroy())
  return ends.map((end) => end.status === 'rejected' && end.reason.code)
}

test('nobody waits behind another one for a server that does not answer to TLS', async () => {
  const ends = await callAtOnce(createEgress(SETTINGS), `https://${address}`, 3)
  expect(ends).toEqual(Array.from({ length: 3 }, () => 'UND_ERR_CONNECT_TIMEOUT'))
  expect(mostOpen).toBe(3)
})

// All calls would share one connection, and meet silence there for minutes when it is dead.
test('HTTP/2 is not asked for', async () => {
  await callAtOnce(createEgress(SETTINGS), `https://${address}`, 1)
  expect(heard.join('')).toContain('\x08http/1.1')
  expect(heard.join('')).not.toContain('\x02h2')
})

test('a proxy that gives no tunnel is not waited for, by any of many', async () => {
  const egress = createEgress({ ...SETTINGS, proxies: { HTTPS_PROXY: `http://${address}` } })
  const ends = await callAtOnce(egress, 'https://provider.example', 3)
  expect(ends).toEqual(Array.from({ length: 3 }, () => 'UND_ERR_HEADERS_TIMEOUT'))
  expect(mostOpen).toBe(3)
})
