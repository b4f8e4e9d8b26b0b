import type { Fault } from './chaos.ts'
import type { Registration } from './people.ts'
import type { Takes } from './takes.ts'

export type Delays = { undisturbed: number[]; disturbed: number[]; afterFault: number[] }

// A process that was killed needs so long to be there again; a fault weighs on what comes just after it.
const AFTERMATH_MS = 3000

/**
 * Milliseconds from each 202 to the first take, sorted. `undisturbed`: nothing was broken in that time or shortly before.
 * `afterFault`: the part of a disturbed wait that came after the last fault before the take was over.
 */
export const measureDelays = (registered: Registration[], takes: Takes, faults: Fault[]): Delays => {
  const delays: Delays = { undisturbed: [], disturbed: [], afterFault: [] }
  for (const { email, at } of registered) {
    const take = takes.byAddress.get(email)?.[0]
    if (!take) continue
    const during = faults.filter((fault) => fault.from <= take.at && fault.to + AFTERMATH_MS >= at)
    const delay = Math.max(0, take.at - at)
    if (during.length === 0) delays.undisturbed.push(delay)
    else {
      delays.disturbed.push(delay)
      delays.afterFault.push(Math.max(0, take.at - Math.max(at, ...during.map((fault) => fault.to))))
    }
  }
  for (const list of Object.values(delays)) list.sort((a, b) => a - b)
  return delays
}

export const describeDelays = (sorted: number[]): string => {
  const at = (share: number) => ((sorted[Math.floor(share * (sorted.length - 1))] ?? 0) / 1000).toFixed(2)
  return `${sorted.length}: median ${at(0.5)} s, p95 ${at(0.95)} s, worst ${at(1)} s`
}
