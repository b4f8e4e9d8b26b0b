import fc from 'fast-check'
import { expect } from 'vitest'
import type { Model, Typed } from './model.ts'
import type { Mood } from './model-provider.ts'
import type { Registration } from './model-state.ts'
import { compareViews, personOf, type Real } from './views.ts'
import type { Person, World } from './world.ts'

type Command = fc.AsyncCommand<Model, Real> & { act: Run }
/** Gives what was seen, in words, so that a proof tells what it has proved. */
type Run = (model: Model, real: Real) => Promise<string[] | undefined>

const EMAILS = ['ada@example.com', 'bob@example.com']
const PASSWORDS = ['seven green parrots', 'eight blue parrots']
const KEYS = [null, 'one-key', 'another-key']
// No sum of these comes near a limit: 30 and 60 seconds, an hour, a day.
const PAUSES = [35, 35, 70, 3700, 90_000]
// Registrations at a time.
const MOST = 5

const command = (name: string, run: Run, check = (_model: Readonly<Model>) => true): Command => ({
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
  while (model.isOnEdge()) {
    model.pass(1)
    await world.pass(1)
  }
}

/** The same for one registration: the n-th of those that there are. */
const ofOne = (
  name: string,
  n: number,
  run: (one: Registration, model: Model, real: Real & { person: Person }) => Promise<string[]>,
  check = (_one: Registration, _model: Readonly<Model>) => true,
): Command => {
  const pick = (model: Readonly<Model>) => model.registrations().at(n % Math.max(1, model.registrations().length))
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

const passwordOf = (one: Registration, isRight: boolean) =>
  isRight ? one.password : (PASSWORDS.find((password) => password !== one.password) ?? '')

const register = (email: string, password: string, key: string | null, plan: number) =>
  command(
    `register ${email}`,
    async (model, { world, ids }) => {
      const expected = model.register({ email, password, plan }, key)
      const { answer, user } = await world.register({ email, password, metadata: { plan } }, key)
      expect(answer).toBe(expected.answer)
      if (expected.one && user) {
        expect(user.id).toBe(ids.get(expected.one) ?? user.id)
        ids.set(expected.one, user.id)
      }
      return [`register: ${answer}`]
    },
    (model) => model.registrations().length < MOST,
  )

const activate = (n: number, isRight: boolean, typed: Typed) =>
  ofOne(
    `type a ${typed} code of`,
    n,
    async (one, model, { world, person }) => {
      const password = passwordOf(one, isRight)
      const expected = model.activate(one, password, typed)
      expect(await world.activate(person, password, typed)).toBe(expected)
      return [`type a ${typed} code: ${expected}`]
    },
    // Who has no code cannot type it.
    ({ codes: [current, ...older] }) => {
      if (typed === 'right') return current?.isRead ?? false
      return typed !== 'older' || older.some(({ isRead }) => isRead)
    },
  )

const resend = (n: number, isRight: boolean) =>
  ofOne('resend to', n, async (one, model, { world, person }) => {
    const password = passwordOf(one, isRight)
    const expected = model.resend(one, password)
    expect(await world.resend(person, password)).toBe(expected)
    return [`resend: ${expected}`]
  })

const read = (n: number) =>
  ofOne('read with a wrong password', n, async (one, model, { world, person }) => {
    const expected = model.read(one, passwordOf(one, false))
    expect(await world.read(person, passwordOf(one, false))).toBe(expected)
    return [`read: ${expected}`]
  })

const signIn = (email: string, password: string) =>
  command(`sign in as ${email}`, async (model, { world }) => {
    const expected = model.checkSignIn(email, password)
    expect(await world.checkSignIn(email, password)).toBe(expected)
    return [`sign in: ${expected}`]
  })

const changePassword = (email: string, password: string, next: string) =>
  command(`change the password of ${email}`, async (model, { world }) => {
    const expected = model.changePassword(email, password, next)
    expect(await world.changePassword(email, password, next)).toBe(expected)
    return [`change the password: ${expected}`]
  })

const deleteAccount = (email: string, password: string) =>
  command(`delete the account of ${email}`, async (model, { world }) => {
    const expected = model.deleteAccount(email, password)
    expect(await world.deleteAccount(email, password)).toBe(expected)
    return [`delete the account: ${expected}`]
  })

/** Registration, mail and right code in one, where nothing stands against it. */
const becomeActive = (email: string, password: string) =>
  command(
    `an account of ${email}`,
    async (model, real) => {
      for (const step of [register(email, password, null, 0), deliver('accepts')]) await step.act(model, real)
      const step = activate(model.registrations().length - 1, true, 'right')
      return step.check(model) ? step.act(model, real) : []
    },
    (model) => model.registrations().length < MOST && !model.accountOf(email),
  )

/** Whoever guesses does not stop after the first. */
const guess = (n: number) =>
  command(
    `three wrong codes of registration ${n}`,
    async (model, real) => {
      const words: string[] = []
      for (let tries = 0; tries < 3; tries += 1)
        words.push(...((await activate(n, true, 'wrong').act(model, real)) ?? []))
      return words
    },
    (model) => activate(n, true, 'wrong').check(model),
  )

/** Another code in place of the former, which is typed all the same. */
const replace = (n: number) =>
  command(
    `a new code for registration ${n}`,
    async (model, real) => {
      const words: string[] = []
      const older = activate(n, true, 'older')
      for (const step of [pass(35), resend(n, true), deliver('accepts'), older])
        if (step !== older || older.check(model)) words.push(...((await step.act(model, real)) ?? []))
      return words
    },
    (model) => model.registrations().length > 0,
  )

const deliver = (mood: Mood) =>
  command(`deliver, as the provider ${mood}`, async (model, { world }) => {
    const held = model.heldBack()
    const expected = model.deliver(mood)
    expect(await world.deliver(mood)).toEqual(expected)
    const isHeldBack = model.heldBack() > held
    return [...expected.map(({ brings }) => `${mood}: ${brings}`), ...(isHeldBack ? [`${mood}: held back`] : [])]
  })

const retry = (n: number) =>
  ofOne("an operator's retry of the mail of", n, async (one, model, { world, person }) => {
    const expected = model.retry(one)
    expect(await world.retry(person)).toBe(expected)
    return [`retry: ${expected}`]
  })

const report = (n: number, kind: 'delivered' | 'bounced') =>
  ofOne(
    `the provider reports as ${kind} the mail of`,
    n,
    async (one, model, { world, person }) => {
      model.report(one, kind)
      expect(await world.report(person, kind)).toBe('204')
      return [`report: ${kind}`]
    },
    ({ mail }) => mail.state === 'accepted' && mail.standsFor === null,
  )

const pass = (seconds: number) =>
  command(`${seconds} seconds pass`, async (model, { world }) => {
    model.pass(seconds)
    await world.pass(seconds)
    return []
  })

const who = fc.nat(4)
const isRight = fc.integer({ min: 0, max: 9 }).map((number) => number > 0)
const email = fc.constantFrom(...EMAILS)
const password = fc.constantFrom(...PASSWORDS)
const mood = fc.constantFrom<Mood>('accepts', 'accepts', 'slow', 'silent', 'busy', 'asks-to-wait', 'refuses')
const typed = fc.constantFrom<Typed>('right', 'right', 'wrong', 'wrong', 'wrong', 'older', 'unreadable')

const COMMANDS: fc.Arbitrary<Command>[] = [
  fc.tuple(email, password, fc.constantFrom(...KEYS), fc.nat(1)).map((all) => register(...all)),
  mood.map(deliver),
  fc.tuple(who, isRight, typed).map((all) => activate(...all)),
  who.map(guess),
  who.map(replace),
  fc.tuple(who, isRight).map((all) => resend(...all)),
  fc.constantFrom(...PAUSES).map(pass),
  fc.tuple(email, password).map((all) => becomeActive(...all)),
  who.map(read),
  fc.tuple(email, password).map((all) => signIn(...all)),
  fc.tuple(email, password, password).map((all) => changePassword(...all)),
  fc.tuple(email, password).map((all) => deleteAccount(...all)),
  who.map(retry),
  fc.tuple(who, fc.constantFrom('delivered' as const, 'bounced' as const)).map((all) => report(...all)),
]
const [registering, ...OTHERS] = COMMANDS

/** Each history is made of some of the commands: what is rare among all of them is frequent among few. */
export const histories = (most: number) =>
  fc
    .shuffledSubarray(OTHERS, { minLength: 3 })
    .chain((some) => fc.commands([...(registering ? [registering] : []), ...some], { maxCommands: most, size: 'max' }))
