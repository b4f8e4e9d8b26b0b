import { setTimeout as sleep } from 'node:timers/promises'
import type { Fleet } from './fleet.ts'
import type { Provider } from './provider.ts'
import { troubles } from './provider-answers.ts'
import type { Random } from './random.ts'
import type { SteadyPostgres } from './steady-postgres.ts'
import type { SteadyRedis } from './steady-redis.ts'

/** What was broken, and when (milliseconds since 1970). */
export type Fault = { name: string; from: number; to: number }

type World = {
  fleet: Fleet
  postgres: SteadyPostgres
  redis: SteadyRedis | null
  provider: Provider
  loseInPart(): Promise<void>
}

type Chaos = { faults: Fault[]; stop(): Promise<void> }

/** Breaks things one after the other, and the provider's mood beside it, as the seed says, until it is stopped; then all is repaired. */
export const startChaos = (world: World, randoms: { things: Random; moods: Random }): Chaos => {
  const faults: Fault[] = []
  const stopping = new AbortController()
  const pause = (ms: number) => sleep(ms, undefined, { signal: stopping.signal }).catch(() => {})
  const note = async (name: string, breakIt: () => Promise<void>): Promise<void> => {
    const fault = { name, from: Date.now(), to: Number.POSITIVE_INFINITY }
    faults.push(fault)
    process.stdout.write(`    ${new Date().toISOString().slice(11, 23)} ${name}\n`)
    await breakIt()
    fault.to = Date.now()
  }
  const tools = { pause, note, signal: stopping.signal }
  const running = Promise.all([
    breakThings(world, randoms.things, tools),
    changeMoods(world.provider, randoms.moods, tools),
  ])
  return {
    faults,
    stop: async () => {
      stopping.abort()
      await running
    },
  }
}

type Tools = {
  pause(ms: number): Promise<void>
  note(name: string, breakIt: () => Promise<void>): Promise<void>
  signal: AbortSignal
}

const breakThings = async (world: World, random: Random, { pause, note, signal }: Tools): Promise<void> => {
  while (!signal.aborted) {
    await pause(random.between(1000, 5000))
    const lastsMs = random.between(500, 5000)
    const what = random.pick(world.redis ? WITH_REDIS : WITHOUT_REDIS)
    if (!signal.aborted) await note(what, () => breakOne(what, world, random, () => pause(lastsMs)))
  }
}

// A thing that stands here twice is broken twice as often.
const WITHOUT_REDIS = [
  'kill -9 worker',
  'kill -9 worker',
  'kill -9 worker',
  'kill -9 api',
  'kill -9 api',
  'SIGTERM worker',
  'SIGTERM api',
  'PostgreSQL crash',
  'PostgreSQL restart',
  'queue lost in part',
] as const
const WITH_REDIS = [...WITHOUT_REDIS, 'Redis FLUSHALL', 'Redis FLUSHALL', 'Redis down', 'Redis down'] as const

const breakOne = async (
  what: (typeof WITH_REDIS)[number],
  { fleet, postgres, redis, loseInPart }: World,
  random: Random,
  last: () => Promise<void>,
): Promise<void> => {
  switch (what) {
    case 'kill -9 worker':
      return random.pick(fleet.workers).kill()
    case 'kill -9 api':
      return random.pick(fleet.apis).kill()
    case 'SIGTERM worker':
      return random.pick(fleet.workers).term()
    case 'SIGTERM api':
      return random.pick(fleet.apis).term()
    case 'Redis FLUSHALL':
      return redis?.flush()
    case 'Redis down':
      await redis?.stop()
      await last()
      return redis?.start()
    case 'queue lost in part':
      return loseInPart()
    case 'PostgreSQL crash':
    case 'PostgreSQL restart':
      await postgres.stop(what === 'PostgreSQL crash' ? 'SIGQUIT' : 'SIGINT')
      await last()
      return postgres.start()
  }
}

const changeMoods = async (provider: Provider, random: Random, { pause, note, signal }: Tools): Promise<void> => {
  while (!signal.aborted) {
    await pause(random.between(2000, 10_000))
    const mood = random.pick(troubles)
    const lastsMs = random.between(1000, 8000)
    if (signal.aborted) return
    await note(`provider ${mood}`, async () => {
      await provider.setMood(mood)
      await pause(lastsMs)
      await provider.setMood('well')
    })
  }
}
