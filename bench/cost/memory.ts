import { setTimeout as sleep } from 'node:timers/promises'
import { startContestant } from './contestants.ts'
import type { Tools } from './plan.ts'
import { rssMbOf } from './processes.ts'
import { startSlowProvider } from './provider.ts'

const SETTLING_MS = 5000

/** Megabytes of memory (RSS) that api and worker hold when nobody asks anything of them. */
export const measureMemory = async ({ backends, redis, say }: Tools): Promise<void> => {
  const provider = await startSlowProvider(0)
  for (const backend of backends) {
    const contestant = await startContestant({
      program: 'ours',
      backend,
      bcryptCost: 12,
      mailUrl: provider.url,
      redis,
      settings: { OPS_USER: 'ops', OPS_PASSWORD: 'ops' },
    })
    await sleep(SETTLING_MS)
    say(
      `idle memory, ${backend}: api ${rssMbOf(contestant.apiPid).toFixed(0)} MB, worker ${rssMbOf(contestant.workerPid).toFixed(0)} MB`,
    )
    await contestant.stop()
  }
  provider.close()
}
