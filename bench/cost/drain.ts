import type { Contestant } from './contestants.ts'
import type { SlowProvider } from './provider.ts'

export type Drained = { perSecond: number; machineMs: number }

// Of the mails that wait; meanwhile the process compiles what it runs often.
const WARM_SHARE = 0.25

/** Writes a backlog while no worker runs, then times one worker that brings the mails away, once it has warmed up. */
export const measureDrain = async (
  contestant: Contestant,
  provider: SlowProvider,
  { mails, round }: { mails: number; round: string },
): Promise<Drained> => {
  await contestant.stopWorker()
  await contestant.insertBacklog(mails, `drain-${round}-`)
  provider.reset()
  const warm = Math.round(mails * WARM_SHARE)
  const isWarm = Promise.withResolvers<void>()
  provider.onMail(() => {
    if (provider.arrivals.size === warm) isWarm.resolve()
  })
  await contestant.startWorker()
  await isWarm.promise
  const [begun, before] = [performance.now(), contestant.cpu()]
  await provider.mailed(mails)
  const after = contestant.cpu()
  const end = Math.max(...provider.arrivals.values())
  provider.onMail(() => {})
  const parts = ['worker', 'postgresql', 'redis'] as const
  const machineMs = parts.reduce((sum, part) => sum + after[part] - before[part], 0)
  const count = mails - warm
  return { perSecond: (count * 1000) / (end - begun), machineMs: machineMs / count }
}
