import { randomInt } from 'node:crypto'
import { percentile } from '../percentile.ts'

export type Variant = { name: string; prepare?: () => Promise<void>; send: () => Promise<{ status: number }> }

/** A request whose variants must take the same time; all answer with this status. */
export type Question = { name: string; status: number; variants: Variant[] }

/** A variant's median in milliseconds, and by how much the medians of its odd and even rounds differ: mere chance. */
export type Timing = { name: string; medianMs: number; chanceMs: number }

/** Sends the variants in turn, each round in another order, and resolves with their timings. */
export const compare = async ({ variants, status }: Question, rounds: number): Promise<Timing[]> => {
  const times = new Map(variants.map((variant) => [variant, [] as number[]]))
  for (let round = 0; round < rounds; round += 1) {
    for (const [variant, list] of shuffle([...times])) {
      await variant.prepare?.()
      const begun = performance.now()
      const answer = await variant.send()
      list.push(performance.now() - begun)
      if (answer.status !== status) throw new Error(`${variant.name} was answered with ${answer.status}`)
    }
  }
  return [...times].map(([{ name }, list]) => ({
    name,
    medianMs: percentile(list, 0.5),
    chanceMs: Math.abs(
      percentile(
        list.filter((_, index) => index % 2 === 0),
        0.5,
      ) -
        percentile(
          list.filter((_, index) => index % 2 === 1),
          0.5,
        ),
    ),
  }))
}

const shuffle = <Item>(items: Item[]): Item[] => {
  for (let last = items.length - 1; last > 0; last -= 1) {
    const [item] = items.splice(randomInt(last + 1), 1)
    if (item !== undefined) items.push(item)
  }
  return items
}
