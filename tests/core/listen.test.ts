import { Socket } from 'node:net'
import { expect, onTestFinished, test, vi } from 'vitest'
import { listen } from '../../src/core/postgres/listen.ts'
import { shareTestDatabase } from '../support/database.ts'

const database = shareTestDatabase()

const startListening = (url: string) => {
  const stopping = new AbortController()
  let heard = 0
  const listening = listen(url, 'a_channel', () => (heard += 1), stopping.signal)
  const stop = () => {
    stopping.abort()
    return listening
  }
  onTestFinished(stop)
  return { stop, heard: () => heard }
}

const listeners = () =>
  database.pool.query<{ pid: number }>(
    "select pid from pg_stat_activity where application_name = 'latchkey-listen' and datname = current_database()",
  )

test('who listens is called when he does, for what comes, and again when a lost connection is back', async () => {
  const { heard } = startListening(database.url)
  await expect.poll(heard).toBe(1)
  await database.pool.query('notify a_channel')
  await expect.poll(heard).toBe(2)
  const [first] = (await listeners()).rows
  await database.pool.query('select pg_terminate_backend($1)', [first?.pid])
  await expect.poll(heard).toBe(3)
  const [second, ...others] = (await listeners()).rows
  expect(others).toEqual([])
  expect(second?.pid).not.toBe(first?.pid)
})

test('a listener looks for a server that is gone without a word, and one that is told to stop leaves no connection', async () => {
  const keepAlive = vi.spyOn(Socket.prototype, 'setKeepAlive')
  onTestFinished(() => keepAlive.mockRestore())
  const { heard, stop } = startListening(database.url)
  await expect.poll(heard).toBe(1)
  expect(keepAlive.mock.calls).toContainEqual([true, 10_000])
  await stop()
  await expect.poll(async () => (await listeners()).rowCount).toBe(0)
})
