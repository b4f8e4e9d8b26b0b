/** @import { User } from './api.js' */
/** @import { ServerTime } from './server-time.js' */
/** @import { Texts } from './texts.js' */
import { clock, languages } from './texts.js'

/** @typedef {'form' | 'code' | 'active'} Screen */

const screens = { form: 'form', code: 'code-form', active: 'active' }
const SLOW_SECONDS = 15
/** When a screen reader is told how much of the time is left. */
const MILESTONES = [30, 10]

/**
 * @template {HTMLElement} Kind
 * @param {string} id
 * @param {new () => Kind} kind
 * @returns {Kind}
 */
export function part(id, kind) {
  const element = document.getElementById(id)
  if (!(element instanceof kind)) throw new Error(`the page has no ${id}`)
  return element
}

/** Writes only what has changed: screen readers read what is written. @param {string} id @param {string} text */
export function write(id, text) {
  const element = part(id, HTMLElement)
  if (element.textContent !== text) element.textContent = text
}

/** @param {string} id @param {boolean} is */
export function setDisabled(id, is) {
  // Not `disabled`: a button that vanishes from under the keyboard leaves its user nowhere.
  part(id, HTMLButtonElement).ariaDisabled = String(is)
}

/** @param {Screen} screen */
export function show(screen) {
  for (const [name, id] of Object.entries(screens)) part(id, HTMLElement).hidden = name !== screen
  if (screen === 'active') part('active-title', HTMLElement).focus()
  else part(screen === 'form' ? 'email' : 'code', HTMLInputElement).focus()
  nameStep()
}

/** The page's title names the step, as its heading does. */
export function nameStep() {
  document.title = document.querySelector('main > :not([hidden]) > h1')?.textContent ?? ''
}

/** @param {string} current @param {(language: string) => void} choose */
export function offerLanguages(current, choose) {
  const select = part('language', HTMLSelectElement)
  for (const [tag, name] of languages) {
    const option = new Option(name, tag)
    option.lang = tag
    select.add(option)
  }
  select.value = current
  select.addEventListener('change', () => {
    history.replaceState(null, '', `?lang=${select.value}`)
    choose(select.value)
  })
}

/** The screen with the code: the state of the mail, the time that is left, what can be done. */
export class CodeView {
  /** What a screen reader has been told of this code. @type {Set<string>} */
  #told = new Set()
  #waitingSince = 0

  /** @param {Texts} texts @param {ServerTime} time */
  constructor(texts, time) {
    this.texts = texts
    this.time = time
  }

  /** @param {User} user */
  refresh(user) {
    const { code } = user
    if (code === null) return
    const left = this.time.secondsUntil(code.expiresAt)
    const status = code.status === 'sent' && left === 0 ? 'expired' : code.status
    const isOver = status !== 'queued' && status !== 'sent'
    if (status !== 'queued') this.#waitingSince = 0
    else if (this.#waitingSince === 0) this.#waitingSince = Date.now()

    part('state', HTMLElement).dataset.state = status
    write('state-text', this.#stateText(user, status))
    write('delivered', code.deliveredAt && status === 'sent' ? this.texts.say('delivered') : '')
    write('time', status === 'sent' ? clock(left) : '')
    this.#turnRing(user, left)
    write('attempts', status === 'sent' ? this.texts.say('attempts', { count: String(code.attemptsLeft) }) : '')
    write('reference', this.texts.say('reference', { ref: user.ref }))
    const needsCode = [part('code-field', HTMLElement), part('confirm', HTMLElement)]
    const wasThere = needsCode.some((element) => element.contains(document.activeElement))
    for (const element of needsCode) element.hidden = isOver
    this.#showResend(user, isOver)
    // Who stood where a code is typed goes on with what is left to do.
    if (isOver && wasThere) part('resend', HTMLButtonElement).focus()
    this.#tell(user, status, left)
  }

  /** @param {User} user @param {string} status */
  #stateText(user, status) {
    return this.texts.say(this.#isSlow(status) ? 'slow' : status, { email: user.email })
  }

  /** @param {string} status */
  #isSlow(status) {
    return status === 'queued' && Date.now() - this.#waitingSince > SLOW_SECONDS * 1000
  }

  /** @param {User} user @param {number} left */
  #turnRing({ code }, left) {
    const whole = (Date.parse(code?.expiresAt ?? '') - Date.parse(code?.sentAt ?? '')) / 1000
    const ring = document.getElementById('ring')
    ring?.style.setProperty('--gone', String(whole > 0 ? 1 - Math.min(1, left / whole) : 1))
  }

  /** @param {User} user @param {boolean} isOver */
  #showResend({ code }, isOver) {
    const wait = this.time.secondsUntil(code?.resendAfter)
    const resend = part('resend', HTMLButtonElement)
    // Before it has left there is nothing to send again.
    resend.hidden = code?.status === 'queued'
    resend.className = isOver ? 'main' : 'second'
    setDisabled('resend', wait > 0)
    write('resend', wait > 0 ? this.texts.say('resendIn', { time: clock(wait) }) : this.texts.say('resend'))
  }

  /** Each change once, and the time at its milestones. @param {User} user @param {string} status @param {number} left */
  #tell(user, status, left) {
    // That it was sent comes first, however late the page hears of it.
    const isTold = status === 'sent' && this.#told.has(status)
    const milestone = isTold && MILESTONES.find((seconds) => left <= seconds && left > seconds - 5)
    const step = milestone ? `sent ${milestone}` : this.#isSlow(status) ? 'slow' : status
    if (this.#told.has(step)) return
    this.#told.add(step)
    const words = milestone ? '' : this.#stateText(user, status)
    const seconds = status === 'sent' ? this.texts.seconds(Math.ceil(left)) : ''
    write('live', [words, seconds].filter(Boolean).join(' '))
  }

  /** For another registration, or another code of this one. */
  startAnew() {
    this.#told.clear()
    this.#waitingSince = 0
  }
}
