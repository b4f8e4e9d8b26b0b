import { getEventListeners, once } from 'node:events'
import { createServer } from 'node:net'
import { expect, test } from 'vitest'
import { listen } from '../../src/core/postgres/listen.ts'

test('a connection that is lost again and again leaves nothing behind, and an abort ends it', async () => {
  let connections = 0
  const server = createServer((socket) => {
    connections += 1
    socket.destroy()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : 0
  const stop = new AbortController()
  const listening = listen(`postgres://nobody@127.0.0.1:${port}/none`, 'a-channel', () => {}, stop.signal)
  await expect.poll(() => connections).toBeGreaterThanOrEqual(5)
  // The one wait that is under way.
  expect(getEventListeners(stop.signal, 'abort').length).toBeLessThanOrEqual(1)
  stop.abort()
  await listening
  expect(getEventListeners(stop.signal, 'abort')).toEqual([])
  server.close()
})
