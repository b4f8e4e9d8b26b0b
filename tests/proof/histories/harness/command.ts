import type fc from 'fast-check'
import type { Model, Registration } from '../model.ts'
import type { Person } from './people.ts'
import { compareViews, personOf, type Real } from './views.ts'
import type { World } from './world.ts'

export type Command = fc.AsyncCommand<Model, Real> & { act: Run }
/** Gives what was seen, in words, so that a proof tells what it has proved. */
type Run = (model: Model, real: Real) => Promise<string[] | undefined>

export const command = (name: string, run: Run, check = (_model: Readonly<Model>) => true): Command => ({
  check,
  act: run,
  run: async (model, real) => {
    const words = await run(model, real)
    await passEdge(model, real.world)
    for (const word of words ?? []) real.seen.set(word, (real.seen.get(word) ?? 0) + 1)
    await compareViews(model, real)
  },
  toString: () => name,
})

/** What happens in one step in the model takes some milliseconds: nothing is looked at while they decide. */
const passEdge = async (model: Model, world: World): Promise<void> => {
  while (isOnEdge(model)) {
    model.pass(1)
    await world.pass(1)
  }
}

/** Whether a mail bounces or is delivered at this very moment. */
const isOnEdge = ({ all, now }: Model): boolean =>
  all.some(({ mail: { settledAt, reported } }) =>
    [reported.bounced, reported.delivered].some((after) => Math.abs(settledAt + after - now()) < 0.5),
  )

/** The same for one registration: the n-th of those that there are. */
export const ofOne = (
  name: string,
  n: number,
  run: (one: Registration, model: Model, real: Real & { person: Person }) => Promise<string[]>,
  check = (_one: Registration, _model: Readonly<Model>) => true,
): Command => {
  const pick = (model: Readonly<Model>) => model.all.at(n % Math.max(1, model.all.length))
  return command(
    `${name} registration ${n}`,
    async (model, real) => {
      const one = pick(model)
      return one && run(one, model, { ...real, person: personOf(real, one) })
    },
    (model) => {
      const one = pick(model)
      return one !== undefined && check(one, model)
    },
  )
}
