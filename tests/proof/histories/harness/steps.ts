import { expect } from 'vitest'
import * as contract from '../model.ts'
import { command, ofOne } from './command.ts'

export const PASSWORDS = ['seven green parrots', 'eight blue parrots']
// Registrations at a time.
const MOST = 5

const passwordOf = (one: contract.Registration, isRight: boolean) =>
  isRight ? one.password : (PASSWORDS.find((password) => password !== one.password) ?? '')

export const register = (email: string, password: string, key: string | null, plan: number) =>
  command(
    `register ${email}`,
    async (model, { world, ids }) => {
      const expected = contract.register(model, { email, password, plan }, key)
      const { answer, user } = await world.register({ email, password, metadata: { plan } }, key)
      expect(answer).toBe(typeof expected === 'string' ? expected : '202')
      if (typeof expected !== 'string' && user) {
        expect(user.id).toBe(ids.get(expected) ?? user.id)
        ids.set(expected, user.id)
      }
      return [`register: ${answer}`]
    },
    (model) => model.all.length < MOST,
  )

export const activate = (n: number, isRight: boolean, typed: contract.Typed) =>
  ofOne(
    `type a ${typed} code of`,
    n,
    async (one, model, { world, person }) => {
      const password = passwordOf(one, isRight)
      const expected = contract.activate(model, one, password, typed)
      expect(await world.activate(person, password, typed)).toBe(expected)
      return [`type a ${typed} code: ${expected}`]
    },
    // Who has no code cannot type it.
    ({ code, older }) => {
      if (typed === 'right') return code.isRead
      return typed !== 'older' || older.some((each) => each.code.isRead)
    },
  )

export const resend = (n: number, isRight: boolean) =>
  ofOne('resend to', n, async (one, model, { world, person }) => {
    const password = passwordOf(one, isRight)
    const expected = contract.resend(model, one, password)
    expect(await world.resend(person, password)).toBe(expected)
    return [`resend: ${expected}`]
  })

export const read = (n: number) =>
  ofOne('read with a wrong password', n, async (one, model, { world, person }) => {
    const expected = contract.read(model, one, passwordOf(one, false))
    expect(await world.read(person, passwordOf(one, false))).toBe(expected)
    return [`read: ${expected}`]
  })

export const signIn = (email: string, password: string) =>
  command(`sign in as ${email}`, async (model, { world }) => {
    const expected = contract.read(model, email, password)
    expect(await world.checkSignIn(email, password)).toBe(expected)
    return [`sign in: ${expected}`]
  })

export const changePassword = (email: string, password: string, next: string) =>
  command(`change the password of ${email}`, async (model, { world }) => {
    const expected = contract.changePassword(model, email, password, next)
    expect(await world.changePassword(email, password, next)).toBe(expected)
    return [`change the password: ${expected}`]
  })

export const deleteAccount = (email: string, password: string) =>
  command(`delete the account of ${email}`, async (model, { world }) => {
    const expected = contract.deleteAccount(model, email, password)
    expect(await world.deleteAccount(email, password)).toBe(expected)
    return [`delete the account: ${expected}`]
  })

/** Registration, mail and right code in one, where nothing stands against it. */
export const becomeActive = (email: string, password: string) =>
  command(
    `an account of ${email}`,
    async (model, real) => {
      for (const step of [register(email, password, null, 0), deliver('accepts')]) await step.act(model, real)
      const step = activate(model.all.length - 1, true, 'right')
      return step.check(model) ? step.act(model, real) : []
    },
    (model) => model.all.length < MOST && !contract.accountOf(model, email),
  )

/** Whoever guesses does not stop after the first. */
export const guess = (n: number) =>
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
export const replace = (n: number) =>
  command(
    `a new code for registration ${n}`,
    async (model, real) => {
      const words: string[] = []
      const older = activate(n, true, 'older')
      for (const step of [pass(35), resend(n, true), deliver('accepts'), older])
        if (step !== older || older.check(model)) words.push(...((await step.act(model, real)) ?? []))
      return words
    },
    (model) => model.all.length > 0,
  )

export const deliver = (mood: contract.Mood) =>
  command(`deliver, as the provider ${mood}`, async (model, { world }) => {
    const expected = contract.deliver(model, mood)
    expect(await world.deliver(mood)).toEqual(expected.filter(({ brings }) => brings !== 'held back'))
    return expected.map(({ brings }) => `${mood}: ${brings}`)
  })

export const retry = (n: number) =>
  ofOne("an operator's retry of the mail of", n, async (one, model, { world, person }) => {
    const expected = contract.retry(model, one)
    expect(await world.retry(person)).toBe(expected)
    return [`retry: ${expected}`]
  })

export const report = (n: number, kind: contract.Report) =>
  ofOne(
    `the provider reports as ${kind} the mail of`,
    n,
    async (one, model, { world, person }) => {
      contract.report(model, one, kind)
      expect(await world.report(person, kind)).toBe('204')
      return [`report: ${kind}`]
    },
    ({ mail }) => mail.state === 'accepted',
  )

export const pass = (seconds: number) =>
  command(`${seconds} seconds pass`, async (model, { world }) => {
    model.pass(seconds)
    await world.pass(seconds)
    return []
  })
