import { queueBare } from './bare.ts'
import { type Contestant, startContestant } from './contestants.ts'
import { type Drained, measureDrain } from './drain.ts'
import { measureIdleLatency } from './idle-latency.ts'
import { median, type Tools } from './plan.ts'
import { startSlowProvider } from './provider.ts'

const CHEAP_BCRYPT = 4
const CONCURRENCY = 50
const PROVIDER_MS = 50
// For each second of a round's time; about as many as a floor takes away.
const MAILS_A_SECOND = 500

/** From the 202 to the provider on an idle system, and how fast one worker drains a backlog; ÷ the floor, ÷ bare BullMQ. */
export const measureHandOver = async ({ backends, redis, plan, say }: Tools): Promise<void> => {
  for (const backend of backends) {
    const provider = await startSlowProvider(0)
    const slow = await startSlowProvider(PROVIDER_MS)
    const start = (program: 'floor' | 'ours', mailUrl: string) =>
      startContestant({ program, backend, bcryptCost: CHEAP_BCRYPT, mailUrl, redis })
    const idle = [await start('floor', provider.url), await start('ours', provider.url)]
    const latencies = idle.map((): number[] => [])
    for (let round = 0; round <= plan.rounds; round += 1)
      for (const [index, contestant] of idle.entries()) {
        const latency = await measureIdleLatency(contestant, provider, `${round}`)
        if (round > 0) latencies[index]?.push(latency)
      }
    for (const contestant of idle) await contestant.stop()
    const draining = [await start('floor', slow.url), await start('ours', slow.url)]
    const drains = draining.map((): Drained[] => [])
    for (let round = 0; round < plan.rounds; round += 1)
      for (const [index, contestant] of draining.entries())
        drains[index]?.push(
          await measureDrain(contestant, slow, { mails: plan.seconds * MAILS_A_SECOND, round: `${round}` }),
        )
    const bare = await measureBare(draining[0], backend === 'redis' ? redis?.url : undefined, { provider, slow })
    report(say, backend, { latencies, drains, bare })
    for (const contestant of draining) await contestant.stop()
    for (const one of [provider, slow]) one.close()
  }
}

type Providers = Record<'provider' | 'slow', Awaited<ReturnType<typeof startSlowProvider>>>

const measureBare = async (
  contestant: Contestant | undefined,
  redisUrl: string | undefined,
  { provider, slow }: Providers,
) => {
  await contestant?.stopWorker()
  const store = { redisUrl, databaseUrl: contestant?.databaseUrl ?? '' }
  const { idleMs } = await queueBare(store, provider, { mails: 100, concurrency: CONCURRENCY })
  const { perSecond } = await queueBare(store, slow, { mails: 8000, concurrency: CONCURRENCY })
  return { idleMs, perSecond }
}

type Figures = { latencies: number[][]; drains: Drained[][]; bare: { idleMs: number; perSecond: number } }

const report = (say: Tools['say'], backend: string, { latencies, drains, bare }: Figures): void => {
  const [floorMs = 0, oursMs = 0] = latencies.map(median)
  const rates = drains.map((list) => median(list.map(({ perSecond }) => perSecond)))
  const costs = drains.map((list) => median(list.map(({ machineMs }) => machineMs)))
  const [floorRate = 0, oursRate = 0] = rates
  const [floorCost = 0, oursCost = 0] = costs
  say(
    `202 → provider, idle, ${backend}: ours ${oursMs.toFixed(1)} ms, floor ${floorMs.toFixed(1)} (ours ÷ floor ${(oursMs / floorMs).toFixed(2)}), bare BullMQ ${bare.idleMs.toFixed(1)}`,
  )
  say(
    `one worker's drain, ${backend}: ours ${oursRate.toFixed(0)} mails/s, floor ${floorRate.toFixed(0)} (${(oursRate / floorRate).toFixed(2)}), bare BullMQ ${bare.perSecond.toFixed(0)}; ` +
      `machine ms a mail ${oursCost.toFixed(2)}, floor ${floorCost.toFixed(2)} (${(oursCost / floorCost).toFixed(2)})`,
  )
}
