import { setTimeout as sleep } from 'node:timers/promises'
import { percentile } from '../percentile.ts'
import { activateOne } from './people.ts'
import { type Stage, setStage } from './stage.ts'

const PER_SECOND = 10
const BLOCK = 20
const WARM = 40

/** `none`: no events at all. */
const CASES = ['none', 'well', 'silent', 'away'] as const

/**
 * How late mails are without events, and while their receiver is well, gives no answer, or is away. Short blocks in an order by chance, so
 * that what else the machine does meets all of them alike.
 */
export const measureLateness = async (backend: 'postgresql' | 'redis', rounds: number): Promise<void> => {
  const size = { apis: 1, workers: 1 }
  const quiet = await setStage(backend, { size, random: Math.random, isQuiet: true })
  const loud = await setStage(backend, { size, random: Math.random })
  const delays = new Map<string, number[]>(CASES.map((name) => [name, []]))
  for (const stage of [quiet, loud]) await letCome(stage, WARM)
  for (let round = 0; round < rounds; round += 1)
    for (const name of CASES.toSorted(() => Math.random() - 0.5)) {
      if (name !== 'none') await loud.receiver.setMood(name)
      delays.get(name)?.push(...(await letCome(name === 'none' ? quiet : loud, BLOCK)))
    }
  for (const [name, list] of delays) {
    const at = (share: number) => `${percentile(list, share).toFixed(0)} ms`
    process.stdout.write(
      `  receiver ${name}: ${list.length} mails, median ${at(0.5)}, p95 ${at(0.95)}, worst ${at(1)}\n`,
    )
  }
  await loud.receiver.setMood('well')
  await Promise.all([quiet.close(false), loud.close(false)])
}

let people = 0

const letCome = async (stage: Stage, count: number): Promise<number[]> => {
  const coming: Promise<number>[] = []
  for (let one = 0; one < count; one += 1) {
    const index = people++
    coming.push(activateOne(stage, `person${index}@example.com`, index).then(({ mailAfterMs }) => mailAfterMs))
    await sleep(1000 / PER_SECOND)
  }
  return Promise.all(coming)
}
