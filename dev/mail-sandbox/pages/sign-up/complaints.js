/** @import { Refusal } from './api.js' */
/** @import { Texts } from './texts.js' */
import { part, write } from './view.js'

/** @typedef {'form' | 'state' | 'code'} Place */

const FIELDS = ['email', 'password']

/** What went wrong, at the place where it did; remembered, to be said again in another language. */
export class Complaints {
  /** @type {Map<Place, Refusal | null>} */
  #refusals = new Map()
  /** The names of the fields that the service would not take. @type {string[]} */
  #faulty = []

  /** @param {Texts} texts */
  constructor(texts) {
    this.texts = texts
  }

  /** @param {Place} where @param {Refusal | null} refusal */
  make(where, refusal) {
    this.#refusals.set(where, refusal)
    write(`${where}-problem`, refusal === null ? '' : sentenceFor(this.texts, refusal))
  }

  /** Marks the fields of these names, and no others; the keyboard goes to the first. @param {string[]} faulty */
  mark(faulty) {
    this.#faulty = faulty
    this.#sayFaults()
    const [first] = FIELDS.filter((name) => faulty.includes(name))
    if (first) part(first, HTMLInputElement).focus()
  }

  /** In the language that is spoken now. */
  sayAgain() {
    this.#sayFaults()
    for (const [where, refusal] of this.#refusals) this.make(where, refusal)
  }

  #sayFaults() {
    for (const name of FIELDS) {
      const isFaulty = this.#faulty.includes(name)
      part(name, HTMLInputElement).ariaInvalid = String(isFaulty)
      write(`${name}-fault`, isFaulty ? this.texts.say(`${name}Fault`) : '')
    }
  }
}

/** Problems that are said as a state of the code is, or as each other. */
const alike = new Map([
  ['code-expired', 'expired'],
  ['code-exhausted', 'exhausted'],
  ['overloaded', 'unavailable'],
  ['internal', 'unavailable'],
])

/** A sentence about why it did not work. @param {Texts} texts @param {Refusal} refusal */
function sentenceFor(texts, { problem, retryAfterSeconds }) {
  return (
    texts.say(alike.get(problem) ?? problem, { time: texts.seconds(Math.max(1, retryAfterSeconds)) }) ||
    texts.say('unavailable')
  )
}
