import { isDeepStrictEqual } from 'node:util'
import { expect } from 'vitest'
import type { User } from '../../../../src/core/registration/status.ts'
import { type Model, type Registration, read, view } from '../model.ts'
import type { World } from './world.ts'

// How late a slow machine may be, in seconds.
const LATE = 8

/** A model and a service that have lived through the same; `ids` are the service's for the model's registrations. */
export type Real = { world: World; ids: Map<Registration, string>; seen: Map<string, number> }
export const personOf = ({ ids }: Real, one: Registration) => ({ id: ids.get(one) ?? 'unknown', email: one.email })

/** What everybody with the right password sees. */
export const compareViews = async (model: Model, real: Real): Promise<void> => {
  for (const one of model.all) {
    const expected = { answer: read(model, one, one.password), ...view(model, one) }
    const seen = await real.world.look(personOf(real, one), one.password)
    const is = seen.user
      ? { answer: seen.answer, ...viewOf(seen.user, expected, model) }
      : { ...expected, answer: seen.answer }
    if (!isDeepStrictEqual(is, expected))
      real.world.script.note(
        `Here ${real.world.script.nameOf(personOf(real, one).id)} should be ${JSON.stringify(expected)}, and is ${JSON.stringify(is)}`,
      )
    expect(is).toEqual(expected)
  }
}

/** A time counts as the expected one when it is about that. */
const viewOf = ({ status, code }: User, expected: ReturnType<typeof view>, { now }: Model) => {
  const timeOf = (shown: string | null, wanted = Number.POSITIVE_INFINITY) => {
    const at = shown === null ? Number.POSITIVE_INFINITY : now() + (Date.parse(shown) - Date.now()) / 1000
    return Math.abs(at - wanted) < LATE ? wanted : at
  }
  return {
    status,
    code: code && {
      status: code.status,
      sentAt: timeOf(code.sentAt, expected.code?.sentAt),
      expiresAt: timeOf(code.expiresAt, expected.code?.expiresAt),
      isDelivered: code.deliveredAt !== null,
      attemptsLeft: code.attemptsLeft,
      resendAfter: timeOf(code.resendAfter, expected.code?.resendAfter),
    },
  }
}
