import { randomUUID } from 'node:crypto'
import { Registry } from 'prom-client'
import { afterEach, beforeEach, test } from 'vitest'
import type { Told } from '../../src/core/events/deliver-event.ts'
import {
  EVENT_CONCURRENCY,
  EVENTS_PER_SECOND,
  operatorRetryOfEvents,
  startEvents,
  type Telling,
} from '../../src/worker/events/events.ts'
import { describeBackends } from '../support/backends.ts'
import { silent } from '../support/database.ts'
import { type Stage, setStage } from '../worker/stage.ts'

const TROUBLE: Told = { reason: 'receiver-500', isForEverybody: false, retryAfterMs: null }

describeBackends('events that a worker tells, jobs on %s', (backend) => {
  let stage: Stage
  let telling: Telling
  let registry: Registry
  /** What the receiver says; until it does, its events are in hand. */
  let answer: () => Promise<Told>
  let inHand: number
  let mostInHand: number

  beforeEach(async () => {
    stage = await setStage(backend)
    const worker = await stage.startWorker()
    registry = new Registry()
    ;[inHand, mostInHand] = [0, 0]
    const tell = async () => {
      inHand += 1
      mostInHand = Math.max(mostInHand, inHand)
      const told = await answer()
      inHand -= 1
      return told
    }
    telling = await startEvents(
      {
        ...{ pool: stage.pool, backend: worker.backend, registry, logger: silent },
        receiver: { tell, close: async () => {} },
      },
      { databaseUrl: stage.database.url, giveUpAfterSeconds: 3600 },
    )
  })
  afterEach(async () => {
    await telling.close()
    await stage.close()
  })

  const raise = async (count: number) => {
    const ids = Array.from({ length: count }, () => randomUUID())
    await stage.pool.query(
      `insert into events (id, type, user_id, data)
       select id, 'user.deleted', id, json_build_object('user', json_build_object('id', id))
       from unnest($1::uuid[]) as given (id)`,
      [ids],
    )
    return ids
  }
  const countSettled = async (outcome: string) =>
    (await stage.pool.query('select from events where outcome = $1', [outcome])).rowCount

  test('are ten at once, and mails go on beside them', async ({ expect }) => {
    const gate = Promise.withResolvers<Told>()
    answer = () => gate.promise
    await raise(25)
    await expect.poll(() => inHand).toBe(EVENT_CONCURRENCY)
    for (let index = 0; index < 3; index += 1) {
      const user = await stage.register(`beside-${index}@example.com`)
      await expect.poll(() => stage.outcomeOf(user.mailId)).toBe('accepted')
    }
    expect([EVENT_CONCURRENCY, mostInHand, inHand]).toEqual([10, 10, 10])
    gate.resolve('accepted')
    await expect.poll(() => countSettled('accepted')).toBe(25)
  })

  test('leave one after the other, however many have waited', async ({ expect }) => {
    const starts: number[] = []
    answer = async () => {
      starts.push(performance.now())
      return 'accepted'
    }
    await raise(30)
    await expect.poll(() => countSettled('accepted')).toBe(30)
    // Timers may be some milliseconds early, or late and then in a hurry, but never by half.
    expect((starts.at(-1) ?? 0) - (starts[0] ?? 0)).toBeGreaterThan((29 * 1000) / EVENTS_PER_SECOND / 2)
  })

  test('are counted: their ends, their retries, how long they took, what waits, and how the receiver is', async ({
    expect,
  }) => {
    const answers: Told[] = [TROUBLE, TROUBLE]
    answer = async () => answers.shift() ?? 'accepted'
    await raise(3)
    await expect.poll(() => countSettled('accepted')).toBe(3)
    const metrics = async () => (await registry.metrics()).replaceAll(/^#.*\n/gm, '')
    // The row is settled a moment before it is counted.
    await expect.poll(metrics).toMatch(/^latchkey_events_settled_total\{outcome="accepted"\} 3$/m)
    const text = await metrics()
    for (const line of [
      'latchkey_events_settled_total{outcome="given-up"} 0',
      'latchkey_event_retries_total 2',
      'latchkey_event_delivery_seconds_count 3',
      'latchkey_events_unsettled 0',
      'latchkey_event_oldest_unsettled_age_seconds 0',
      'latchkey_event_receiver_well 1',
    ])
      expect(text.split('\n')).toContain(line)
  })

  test('and were given up are all told by one retry, whether the queue keeps their jobs or not', async ({ expect }) => {
    answer = async () => 'accepted'
    const ids = await raise(5)
    await expect.poll(() => countSettled('accepted')).toBe(5)
    await Promise.all(ids.map((id) => telling.queue.remove(id)))
    await stage.pool.query("update events set outcome = 'given-up'")
    await operatorRetryOfEvents(stage.pool).all()
    await expect.poll(() => countSettled('accepted')).toBe(5)
  })
})
