import type { Contestant } from './contestants.ts'
import type { SlowProvider } from './provider.ts'
import { generate } from './saturate.ts'

export type Drained = { perSecond: number; machineMs: number }

/** Registers people while no worker runs, then times one worker that brings the mails away. Needs cheap hashing. */
export const measureDrain = async (
  contestant: Contestant,
  provider: SlowProvider,
  { seconds, round }: { seconds: number; round: string },
): Promise<Drained> => {
  await contestant.stopWorker()
  const { count } = await generate({ url: contestant.apiUrl, connections: 16, seconds, name: `drain-${round}` })
  provider.reset()
  const first = Promise.withResolvers<number>()
  provider.onMail((_, at) => first.resolve(at))
  await contestant.startWorker()
  const begun = await first.promise
  const before = contestant.cpu()
  const already = provider.arrivals.size
  provider.onMail(() => {})
  await provider.mailed(count)
  const end = Math.max(...provider.arrivals.values())
  const after = contestant.cpu()
  const mails = count - already
  const machineMs = (['worker', 'postgresql', 'redis'] as const).reduce(
    (sum, part) => sum + after[part] - before[part],
    0,
  )
  return { perSecond: (mails * 1000) / (end - begun), machineMs: machineMs / mails }
}
