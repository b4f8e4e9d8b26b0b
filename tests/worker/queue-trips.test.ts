import pg from 'pg'
import { expect, onTestFinished, test, vi } from 'vitest'
import { setStage, startGatedProvider } from './stage.ts'

// Of the statement by which a worker sees that nothing came before it listens.
const LOOK_BEFORE_WAITING = 'AND NOT EXISTS'

/** What BullMQ has called in PostgreSQL since the call, as far as it is looked at here. */
const watchQueue = () => {
  const query = vi.spyOn(pg.Client.prototype, 'query')
  onTestFinished(() => query.mockRestore())
  const textOf = (statement: unknown) =>
    typeof statement === 'object' && statement !== null && 'text' in statement
      ? String(statement.text)
      : String(statement)
  return () =>
    query.mock.calls.flatMap(([statement]) => /\b(move_to_\w+\(|AND NOT EXISTS)/.exec(textOf(statement))?.[1] ?? [])
}

test('a job that ends while its worker waits to be told of the next one asks for none', async () => {
  const [stage, gate] = await Promise.all([setStage('postgresql'), startGatedProvider()])
  onTestFinished(async () => void (await Promise.all([stage.close(), gate.close()])))
  const worker = await stage.startWorker({ mailUrl: gate.url })
  const asked = watchQueue()
  const user = await stage.register('lonely@example.com')
  await expect.poll(() => gate.requests(user.email)).toBe(1)
  await expect.poll(() => asked().lastIndexOf(LOOK_BEFORE_WAITING)).toBeGreaterThan(asked().indexOf('move_to_active('))
  gate.release()
  await expect.poll(async () => (await worker.queue.getJob(user.mailId))?.isCompleted()).toBe(true)
  expect(asked()).toContain('move_to_completed(')
  expect(asked()).not.toContain('move_to_completed_fetch(')
})
