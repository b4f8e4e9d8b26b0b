/** @typedef {Record<string, string>} Values what stands for `{name}` in a text */

/** Every language of the page under its own name. */
export const languages = new Map([
  ['en', 'English'],
  ['de', 'Deutsch'],
  ['fr', 'Français'],
  ['es', 'Español'],
  ['pt-BR', 'Português (Brasil)'],
  ['it', 'Italiano'],
  ['nl', 'Nederlands'],
  ['pl', 'Polski'],
  ['tr', 'Türkçe'],
  ['ja', '日本語'],
  ['zh-Hans', '简体中文'],
  ['ar', 'العربية'],
])

/** The first of the wanted languages that the page speaks, also as `pt` for `pt-BR` or `zh-CN` for `zh-Hans`. @param {readonly string[]} wanted */
export function chooseLanguage(wanted) {
  for (const tag of wanted) {
    const primary = tag.toLowerCase().split('-')[0]
    for (const own of languages.keys()) if (own.toLowerCase() === tag.toLowerCase()) return own
    for (const own of languages.keys()) if (own.split('-')[0] === primary) return own
  }
  return 'en'
}

/** The texts of the language that is shown. */
export class Texts {
  language = 'en'
  /** @type {Values} */
  #texts = {}

  /** Loads the language and puts its texts and its direction onto the page. @param {string} language */
  async use(language) {
    const answer = await fetch(`/sign-up/languages/${language}.json`)
    this.#texts = await answer.json()
    this.language = language
    document.documentElement.lang = language
    document.documentElement.dir = language === 'ar' ? 'rtl' : 'ltr'
    for (const element of document.querySelectorAll('[data-text]')) {
      element.textContent = this.say(element.getAttribute('data-text') ?? '')
    }
  }

  /** @param {string} key @param {Values} [values] */
  say(key, values = {}) {
    return (this.#texts[key] ?? '').replace(/\{(\w+)\}/g, (_, name) => values[name] ?? '')
  }

  /** `58 seconds` in words. @param {number} seconds */
  seconds(seconds) {
    const [value, unit] = seconds < 120 ? [seconds, 'second'] : [Math.ceil(seconds / 60), 'minute']
    // Western digits in every language: they are the digits of the mail.
    return new Intl.NumberFormat(`${this.language}-u-nu-latn`, { style: 'unit', unit, unitDisplay: 'long' }).format(
      value,
    )
  }
}

/** `0:58`. @param {number} seconds */
export function clock(seconds) {
  const whole = Math.max(0, Math.ceil(seconds))
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`
}
