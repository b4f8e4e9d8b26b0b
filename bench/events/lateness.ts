import { setTimeout as sleep } from 'node:timers/promises'
import { percentile } from '../percentile.ts'
import { activateOne } from './people.ts'
import type { Mood } from './receiver.ts'
import { setStage } from './stage.ts'

const PER_SECOND = 10
const ROUNDS = 4
const WARM = 20

/** How late mails are while the receiver of events is well, gives no answer, or is away: one after the other, several times. */
export const measureLateness = async (backend: 'postgresql' | 'redis', each: number): Promise<void> => {
  const stage = await setStage(backend, { size: { apis: 1, workers: 1 }, random: Math.random })
  const delays = new Map<Mood, number[]>()
  let index = 0
  const letCome = async (count: number): Promise<number[]> => {
    const coming: Promise<number>[] = []
    for (let one = 0; one < count; one += 1) {
      const own = index++
      coming.push(activateOne(stage, `person${own}@example.com`, own).then(({ mailAfterMs }) => mailAfterMs))
      await sleep(1000 / PER_SECOND)
    }
    return Promise.all(coming)
  }
  await letCome(WARM)
  for (let round = 0; round < ROUNDS; round += 1)
    for (const mood of round % 2 === 0
      ? (['well', 'silent', 'away'] as const)
      : (['away', 'silent', 'well'] as const)) {
      await stage.receiver.setMood(mood)
      delays.set(mood, [...(delays.get(mood) ?? []), ...(await letCome(each))])
    }
  for (const [mood, list] of delays) {
    const at = (share: number) => `${percentile(list, share).toFixed(0)} ms`
    process.stdout.write(
      `  receiver ${mood}: ${list.length} mails, median ${at(0.5)}, p95 ${at(0.95)}, worst ${at(1)}\n`,
    )
  }
  await stage.receiver.setMood('well')
  await stage.close(false)
}
