import { ConfigError } from '../../process/config.ts'

/** The languages in which mails can be written, and the one for everybody else. */
export type Languages = { available: readonly string[]; fallback: string }

export const SHIPPED_LANGUAGES = [
  'en',
  'de',
  'fr',
  'es',
  'pt-BR',
  'it',
  'nl',
  'pl',
  'tr',
  'ja',
  'zh-Hans',
  'ar',
] as const

// What a tag without a region or script means where no texts of its own are there.
const MEANINGS: Record<string, string> = { pt: 'pt-br', zh: 'zh-hans', 'zh-cn': 'zh-hans', 'zh-sg': 'zh-hans' }

// Who reads Traditional Chinese is not given Simplified for want of it: the next wish is asked.
const TRADITIONAL = /^zh-(?:.+-)?(?:hant|tw|hk|mo)(?:-|$)/

/** The languages that there are texts in, with `fallback` chosen among them as any wish is. */
export const languagesOf = (fallback: string, available: readonly string[] = SHIPPED_LANGUAGES): Languages => {
  const found = findLanguage(available, [fallback])
  if (found === null) throw new ConfigError('DEFAULT_LOCALE: there are no texts in this language')
  return { available, fallback: found }
}

/** The language for a person who wants one of these, the best first: look-up of RFC 4647, 3.4. */
export const chooseLanguage = ({ available, fallback }: Languages, wanted: readonly string[]): string =>
  findLanguage(available, wanted) ?? fallback

/** The same; null when none fits. */
export const findLanguage = (available: readonly string[], wanted: readonly string[]): string | null => {
  const byTag = new Map(available.map((tag) => [tag.toLowerCase(), tag]))
  for (const range of wanted) {
    for (const tag of truncations(range.toLowerCase())) {
      const found = byTag.get(tag) ?? byTag.get(MEANINGS[tag] ?? '')
      if (found !== undefined) return found
    }
  }
  return null
}

/** The range, and what is left of it subtag by subtag; a single letter goes with what followed it. */
const truncations = (range: string): string[] => {
  const subtags = range.split('-').filter((subtag) => subtag !== '*')
  return subtags
    .map((_, index) => subtags.slice(0, subtags.length - index))
    .filter((left) => left.length === subtags.length || (left.at(-1)?.length ?? 0) > 1)
    .map((left) => left.join('-'))
    .filter((left) => left !== 'zh' || !TRADITIONAL.test(range))
}

const RANGE = /^(?:\*|[a-z]{1,8}(?:-(?:[a-z0-9]{1,8}|\*))*)$/i
const QUALITY = /^q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/i
const MAX_RANGES = 32

/** The ranges of an `Accept-Language` field (RFC 9110, 12.5.4), the best first; what cannot be read is left out. */
export const readAcceptLanguage = (field: string | undefined): string[] =>
  (field ?? '')
    .split(',', MAX_RANGES)
    .map((item) => {
      const [range = '', weight] = item.split(';').map((part) => part.trim())
      const quality = weight === undefined ? 1 : Number(QUALITY.exec(weight.replace(/\s/g, ''))?.[1] ?? 0)
      return { range, quality: RANGE.test(range) ? quality : 0 }
    })
    .filter(({ quality }) => quality > 0)
    .toSorted((one, other) => other.quality - one.quality)
    .map(({ range }) => range)

const MAX_TAG_LENGTH = 255

/** Whether it is a well-formed tag of BCP 47. */
export const isLanguageTag = (value: string): boolean => {
  if (value.length > MAX_TAG_LENGTH) return false
  // Private use alone is well formed (RFC 5646, 2.1), and unknown to Intl.
  if (/^x(?:-[a-z0-9]{1,8})+$/i.test(value)) return true
  try {
    return Intl.getCanonicalLocales(value).length === 1
  } catch {
    return false
  }
}
