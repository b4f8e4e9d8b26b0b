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

/** As in the service: what a tag means that no language of the page has. @type {Record<string, string>} */
const MEANINGS = { pt: 'pt-br', zh: 'zh-hans', 'zh-cn': 'zh-hans', 'zh-sg': 'zh-hans' }

// Who reads Traditional Chinese is not given Simplified for want of it: the next wish is asked.
const TRADITIONAL = /^zh-(?:.+-)?(?:hant|tw|hk|mo)(?:-|$)/

/**
 * The language for a person who wants one of these, the best first: look-up of RFC 4647, 3.4, as the service does it for the mails
 * (`findLanguage`). @param {readonly string[]} wanted
 */
export function chooseLanguage(wanted) {
  const byTag = new Map([...languages.keys()].map((own) => [own.toLowerCase(), own]))
  for (const range of wanted) {
    for (const tag of truncations(range.toLowerCase())) {
      const found = byTag.get(tag) ?? byTag.get(MEANINGS[tag] ?? '')
      if (found !== undefined) return found
    }
  }
  return 'en'
}

/** The range, and what is left of it subtag by subtag; a single letter goes with what followed it. @param {string} range */
function truncations(range) {
  const subtags = range.split('-').filter((subtag) => subtag !== '*')
  return subtags
    .map((_, index) => subtags.slice(0, subtags.length - index))
    .filter((left) => left.length === subtags.length || (left.at(-1)?.length ?? 0) > 1)
    .map((left) => left.join('-'))
    .filter((left) => left !== 'zh' || !TRADITIONAL.test(range))
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
