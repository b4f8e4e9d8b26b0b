import { expect, onTestFinished, test } from 'vitest'
import { listen } from '../../src/core/postgres/listen.ts'
import { useTestDatabase } from '../support/database.ts'
import { startProxy } from '../support/proxy.ts'

test('LISTEN on a connection that a proxy keeps open, although nothing comes through, is noticed and made anew', async () => {
  const database = await useTestDatabase()
  const proxy = await startProxy(database.url)
  onTestFinished(proxy.close)
  const stopping = new AbortController()
  let heard = 0
  const listening = listen(proxy.url, 'half_open', () => (heard += 1), stopping.signal)
  onTestFinished(() => {
    stopping.abort()
    return listening
  })
  await expect.poll(() => heard).toBe(1)
  proxy.freezeConnected()
  await expect.poll(() => heard).toBe(2)
  await database.pool.query("select pg_notify('half_open', '')")
  await expect.poll(() => heard).toBe(3)
})
