import { randomUUID } from 'node:crypto'
import { beforeEach, expect, test, vi } from 'vitest'
import { deliverEvent, type OutgoingEvent, type Told } from '../../src/core/events/deliver-event.ts'
import { shareTestDatabase } from '../support/database.ts'
import { activated } from './rows.ts'

const GIVE_UP_SECONDS = 3600
const database = shareTestDatabase()

let eventId: string
beforeEach(async () => {
  await database.pool.query('truncate users, events, outboxes cascade')
  await activated(database)
  eventId = (await read()).id
})

const read = async () => {
  const found = await database.pool.query(
    `select id, outcome, attempts, data::text as data, last_error as error, lease_token is not null as "isHeld",
         to_char(created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "createdAt",
         extract(epoch from retry_at - clock_timestamp())::float8 as "retryInSeconds",
         extract(epoch from lease_until - clock_timestamp())::float8 as "leaseSeconds"
       from events`,
  )
  const [event] = found.rows
  if (!event) throw new Error('the event is gone')
  return event
}

/** One try at a receiver that says this, meanwhile or at once. */
const tell = async (told: Told | (() => Promise<Told>), id = eventId) => {
  const heard: OutgoingEvent[] = []
  const signals: AbortSignal[] = []
  const { signal } = new AbortController()
  const receiver = {
    tell: async (event: OutgoingEvent, given: AbortSignal) => {
      heard.push(event)
      signals.push(given)
      return typeof told === 'function' ? told() : told
    },
    close: async () => {},
  }
  const tools = { pool: database.pool, receiver, giveUpAfterSeconds: GIVE_UP_SECONDS }
  const tried = await deliverEvent(tools, { eventId: id, signal })
  expect(signals.every((given) => given === signal)).toBe(true)
  return { heard, tried }
}

const trouble = (retryAfterMs: number | null = null) => ({
  ...{ reason: 'receiver-503', isForEverybody: false, retryAfterMs },
})

const letFailSince = (seconds: number) =>
  database.pool.query(
    `with failing as (update events set failing_since = now() - make_interval(secs => $1))
     insert into outboxes (kind, beat_at, possible_since) values ('events', now(), now() - make_interval(secs => $1))`,
    [seconds],
  )

test('what is told has type, time and data, and is told as long as it is held', async () => {
  const { createdAt, data } = await read()
  const { heard, tried } = await tell(async () => {
    const { isHeld, leaseSeconds } = await read()
    expect(isHeld).toBe(true)
    expect(leaseSeconds).toBeLessThanOrEqual(7)
    return 'accepted'
  })
  expect(heard.map(({ id, body }) => ({ id, ...JSON.parse(body) }))).toEqual([
    { id: eventId, type: 'user.activated', timestamp: createdAt, data: JSON.parse(data) },
  ])
  const delivery = { end: 'done', afterSeconds: expect.any(Number) }
  expect(tried).toEqual({ eventId, type: 'user.activated', attempt: 1, delivery })
  expect(await read()).toMatchObject({ outcome: 'accepted', error: null })
})

test('the lease is renewed for as long as the receiver takes', async () => {
  const { tried } = await tell(async () => {
    await database.pool.query("update events set lease_until = now() + interval '1 second'")
    await expect.poll(async () => (await read()).leaseSeconds).toBeGreaterThan(3)
    return 'accepted'
  })
  expect(tried.delivery).toMatchObject({ end: 'done' })
})

test('of an event that is gone, told or given up nothing is told', async () => {
  const none = randomUUID()
  const untried = { heard: [], tried: { eventId: none, type: null, attempt: 0, delivery: { end: 'done' } } }
  expect(await tell('accepted', none)).toEqual(untried)
  for (const [outcome, delivery] of [
    ['accepted', { end: 'done' }],
    ['given-up', { end: 'failed', reason: 'given-up' }],
  ] as const) {
    await database.pool.query('update events set outcome = $1, settled_at = now(), attempts = 4', [outcome])
    expect(await tell('accepted')).toEqual({
      heard: [],
      tried: { eventId, type: 'user.activated', attempt: 4, delivery },
    })
  }
})

test('a run that finds it with another one comes back when that one’s lease has ended', async () => {
  await database.pool.query("update events set lease_token = $1, lease_until = now() + interval '5 seconds'", [
    randomUUID(),
  ])
  const { heard, tried } = await tell('accepted')
  expect(heard).toEqual([])
  expect(tried.delivery).toEqual({ end: 'later', reason: 'taken-by-another-run', inMs: expect.any(Number) })
  const inMs = tried.delivery.end === 'later' ? tried.delivery.inMs : Number.NaN
  expect(inMs).toBeGreaterThan((await read()).leaseSeconds * 1000 + 99)
  expect(inMs).toBeLessThanOrEqual(5100)
})

test('trouble is tried again later, by its word, after a pause that grows', async () => {
  const random = vi.spyOn(Math, 'random').mockReturnValue(0.999_999)
  try {
    const first = await tell(trouble())
    expect(first.tried.delivery).toEqual({ end: 'later', reason: 'receiver-503', inMs: 1000 })
    expect(await read()).toMatchObject({ outcome: null, error: 'receiver-503', isHeld: false, retryInSeconds: null })
    expect((await tell(trouble())).tried).toMatchObject({ attempt: 2, delivery: { inMs: 2000 } })
  } finally {
    random.mockRestore()
  }
})

test('a pause is no shorter than the receiver asks, which holds every run back', async () => {
  expect((await tell(trouble(90_000))).tried.delivery).toMatchObject({ inMs: 90_000 })
  expect((await read()).retryInSeconds).toBeGreaterThan(60)
})

test('a pause ends when the event is to be given up, and the try that fails then gives it up', async () => {
  await letFailSince(GIVE_UP_SECONDS - 60)
  const { delivery } = (await tell(trouble(120_000))).tried
  expect(delivery).toMatchObject({ end: 'later', reason: 'receiver-503' })
  const inMs = delivery.end === 'later' ? delivery.inMs : Number.NaN
  expect(inMs).toBeLessThanOrEqual(60_000)
  expect(Number.isInteger(inMs)).toBe(true)
  await database.pool.query('update events set retry_at = null')
  await database.pool.query("update events set failing_since = failing_since - interval '1 minute'")
  await database.pool.query("update outboxes set possible_since = possible_since - interval '1 minute'")
  const afterSeconds = expect.any(Number)
  expect((await tell(trouble())).tried.delivery).toEqual({
    end: 'failed',
    reason: 'given-up: receiver-503',
    afterSeconds,
  })
  expect(await read()).toMatchObject({ outcome: 'given-up', error: 'receiver-503' })
})

test.each([
  ['acceptance', 'accepted' as const, 0],
  ['trouble', trouble(), 0],
  ['last trouble', trouble(), GIVE_UP_SECONDS + 60],
])('the %s of a run that lost its lease changes nothing', async (_answer, told, failedSeconds) => {
  if (failedSeconds > 0) await letFailSince(failedSeconds)
  const { tried } = await tell(async () => {
    await database.pool.query('update events set lease_token = $1', [randomUUID()])
    return told
  })
  expect(tried.delivery).toEqual({ end: 'later', reason: 'lease-lost', inMs: 1000 })
  expect(await read()).toMatchObject({ outcome: null, error: null, isHeld: true })
})

test('an answer is recorded when the database stumbles, and the receiver is not asked again', async () => {
  const pipelined = database.pool.pipelined.bind(database.pool)
  let losses = 0
  const stumbling = vi.spyOn(database.pool, 'pipelined').mockImplementation(async (...call: unknown[]) => {
    const result = await Reflect.apply(pipelined, database.pool, call)
    // The commit arrived, its answer did not.
    if (String(call[0]).includes('set settled_at') && losses++ === 0)
      throw Object.assign(new Error('gone'), { code: 'ECONNRESET' })
    return result
  })
  try {
    const { heard, tried } = await tell('accepted')
    expect([heard.length, losses]).toEqual([1, 2])
    expect(tried.delivery).toEqual({ end: 'done', afterSeconds: expect.any(Number) })
  } finally {
    stumbling.mockRestore()
  }
})
