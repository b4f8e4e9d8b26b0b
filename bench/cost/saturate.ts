import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { percentile } from '../percentile.ts'
import type { Contestant } from './contestants.ts'
import type { Done, Load } from './generator.ts'
import type { SlowProvider } from './provider.ts'

const GENERATOR = join(import.meta.dirname, 'generator.ts')
const CLIENTS = 16
// At the default cost, where sixteen would wait longer than a second: ours refuses that by rule, and the floor never refuses.
const CLIENTS_OF_DEAR_HASHES = 8
const DEAR_COST = 12
const CLIENTS_AT_A_RATE = 64

const isDone = (message: unknown): message is Done =>
  typeof message === 'object' && message !== null && 'tookMs' in message && 'cpuMs' in message

const clientsOf = ({ bcryptCost }: Contestant): number => (bcryptCost < DEAR_COST ? CLIENTS : CLIENTS_OF_DEAR_HASHES)

export const generate = async (load: Load): Promise<Done> => {
  const generator = fork(GENERATOR, [JSON.stringify(load)])
  const [message] = await once(generator, 'message')
  generator.disconnect()
  if (!isDone(message)) throw new Error('the generator sent no result')
  return message
}

export type Saturated = {
  perSecond: number
  p50: number
  p99: number
  /** Milliseconds of processor time for each registration with its mail, and commits. */
  cpu: Record<'api' | 'worker' | 'postgresql' | 'redis', number>
  machineMs: number
  commits: number
}

/** A closed loop of clients, or so many registrations a second, until the last mail is settled. */
export const saturate = async (
  contestant: Contestant,
  provider: SlowProvider,
  { seconds, round, perSecond }: { seconds: number; round: string; perSecond?: number },
): Promise<Saturated> => {
  provider.reset()
  const before = contestant.cpu()
  const commitsBefore = await contestant.commits()
  const done = await generate({
    url: contestant.apiUrl,
    connections: perSecond === undefined ? clientsOf(contestant) : CLIENTS_AT_A_RATE,
    seconds,
    name: round,
    ...(perSecond !== undefined && { perSecond }),
  })
  if (done.others > 0) throw new Error(`${contestant.name}: ${done.others} registrations got neither 202 nor 503`)
  if (done.count === 0)
    throw new Error(`${contestant.name}: nobody was registered in ${seconds} s; give it more with --seconds`)
  await provider.mailed(done.count)
  const after = contestant.cpu()
  const each = (part: keyof typeof after) => (after[part] - before[part]) / done.count
  const cpu = { api: each('api'), worker: each('worker'), postgresql: each('postgresql'), redis: each('redis') }
  return {
    perSecond: done.count / done.seconds,
    p50: percentile(done.tookMs, 0.5),
    p99: percentile(done.tookMs, 0.99),
    cpu,
    machineMs: cpu.api + cpu.worker + cpu.postgresql + cpu.redis,
    commits: ((await contestant.commits()) - commitsBefore) / done.count,
  }
}
