import { setTimeout as sleep } from 'node:timers/promises'
import { createRandom, type Random } from '../soak/random.ts'
import { activateOne, type Person } from './people.ts'
import { type Stage, setStage } from './stage.ts'

const AT_ONCE = 8
// Whoever failed nine times by bad luck waits for four minutes.
const SETTLE_LIMIT_MS = 600_000
const AWAY_MS = 60_000
const LONGER_MS = 30_000

/**
 * So many activations, while apis and workers are killed, Redis is flushed, and the receiver fails half of the time and is away for a
 * minute. Resolves with what does not balance: each activation has one event, and the receiver has said yes to it.
 */
export const soakEvents = async (backend: 'postgresql' | 'redis', count: number, seed: number): Promise<string[]> => {
  const random = createRandom(seed)
  const stage = await setStage(backend, { size: { apis: 2, workers: 2 }, random: random.next })
  const stopping = new AbortController()
  const over = new AbortController()
  const chaos = breakThings(stage, random, stopping.signal)
  const moods = beMoody(stage, over.signal)
  const people: Person[] = []
  let index = 0
  const activateSome = async (): Promise<void> => {
    // About as long as the receiver's troubles last, so that every part of them meets activations.
    for (let own = index++; own < count; own = index++) {
      people.push(await activateOne(stage, `person${own}@example.com`, own))
      await sleep(random.between(0, (4 * AWAY_MS * AT_ONCE) / count))
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, activateSome))
  stopping.abort()
  const faults = await chaos
  await sleep(LONGER_MS)
  over.abort()
  await moods
  const settledMs = await settle(stage)
  const wrongs = [...(await balance(stage, people)), ...stage.receiver.surprises]
  const { taken, requests } = stage.receiver
  process.stdout.write(
    `  ${people.length} activations, ${faults.length} faults (${[...new Set(faults)].join(', ')}); ${requests()} requests to the receiver, ` +
      `${taken.length} answered with yes, of ${new Set(taken.map(({ id }) => id)).size} events; all settled ${(settledMs / 1000).toFixed(1)} s after the receiver was well\n`,
  )
  await stage.close(wrongs.length > 0)
  return wrongs
}

const breakThings = async (stage: Stage, random: Random, signal: AbortSignal): Promise<string[]> => {
  const faults: string[] = []
  const kinds = stage.redis
    ? (['kill -9 worker', 'kill -9 api', 'FLUSHALL'] as const)
    : (['kill -9 worker', 'kill -9 api'] as const)
  while (!signal.aborted) {
    await sleep(random.between(2000, 6000), undefined, { signal }).catch(() => {})
    const what = random.pick(kinds)
    if (signal.aborted) break
    if (what === 'FLUSHALL') await stage.redis?.flush()
    else random.pick(what === 'kill -9 api' ? stage.fleet.apis : stage.fleet.workers).kill()
    faults.push(what)
  }
  return faults
}

/** Half of the time a failure; in the middle nobody there for a minute. At the end it is well. */
const beMoody = async ({ receiver }: Stage, signal: AbortSignal): Promise<void> => {
  const pause = (ms: number) => sleep(ms, undefined, { signal }).catch(() => {})
  await receiver.setMood('half')
  await pause(20_000)
  await receiver.setMood('away')
  await pause(AWAY_MS)
  await receiver.setMood('half')
  await pause(3_600_000)
  await receiver.setMood('well')
}

const settle = async ({ pool }: Stage): Promise<number> => {
  const begun = Date.now()
  const isLeft = async () =>
    (await pool.query('select from events where settled_at is null limit 1').catch(() => ({ rowCount: 1 }))).rowCount
  while (Date.now() - begun < SETTLE_LIMIT_MS && (await isLeft())) await sleep(200)
  return Date.now() - begun
}

const balance = async ({ pool, receiver }: Stage, people: Person[]): Promise<string[]> => {
  const events = await pool.query<{ id: string; userId: string; outcome: string | null }>(
    `select id, user_id as "userId", outcome from events where type = 'user.activated'`,
  )
  const stored = Map.groupBy(events.rows, ({ userId }) => userId)
  const told = Map.groupBy(receiver.taken, ({ userId }) => userId)
  return people.flatMap(({ id }) => {
    const [event, ...others] = stored.get(id) ?? []
    if (!event || others.length > 0) return [`${id} has ${event ? others.length + 1 : 0} events`]
    if (event.outcome !== 'accepted') return [`event ${event.id} ends as ${event.outcome ?? 'unsettled'}`]
    const ids = new Set(told.get(id)?.map((taken) => taken.id))
    return ids.size === 1 && ids.has(event.id) ? [] : [`${id} was told under ${ids.size} ids`]
  })
}
