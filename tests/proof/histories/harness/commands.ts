import fc from 'fast-check'
import type { Mood, Typed } from '../model.ts'
import type { Command } from './command.ts'
import {
  activate,
  becomeActive,
  changePassword,
  deleteAccount,
  deliver,
  guess,
  PASSWORDS,
  pass,
  read,
  register,
  replace,
  report,
  resend,
  retry,
  signIn,
} from './steps.ts'

const EMAILS = ['ada@example.com', 'bob@example.com']
const KEYS = [null, 'one-key', 'another-key']
// No sum of these comes near a limit: 30 and 60 seconds, an hour, a day.
const PAUSES = [35, 35, 70, 3700, 90_000]

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
