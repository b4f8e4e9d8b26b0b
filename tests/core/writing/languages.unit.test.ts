import { describe, expect, test } from 'vitest'
import {
  chooseLanguage,
  findLanguage,
  isLanguageTag,
  languagesOf,
  readAcceptLanguage,
  SHIPPED_LANGUAGES,
} from '../../../src/core/mail/writing/languages.ts'
import { ConfigError } from '../../../src/core/process/config.ts'

describe('the default', () => {
  test('is chosen as any wish is, among ours unless told', () => {
    expect(languagesOf('DE-at')).toEqual({ available: SHIPPED_LANGUAGES, fallback: 'de' })
    expect(languagesOf('ko-KR', ['ko'])).toEqual({ available: ['ko'], fallback: 'ko' })
  })

  test('must be there', () => {
    expect(() => languagesOf('ko')).toThrow(new ConfigError('DEFAULT_LOCALE: there are no texts in this language'))
  })

  test('is for whoever wants what is not there', () => {
    const languages = languagesOf('de')
    expect(chooseLanguage(languages, ['ko', 'ja'])).toBe('ja')
    expect(chooseLanguage(languages, ['ko', 'th'])).toBe('de')
    expect(chooseLanguage(languages, [])).toBe('de')
  })
})

describe('a language', () => {
  test.each([
    ['de', 'de'],
    ['DE-at', 'de'],
    ['pt', 'pt-BR'],
    ['pt-PT', 'pt-BR'],
    ['PT-br', 'pt-BR'],
    ['zh', 'zh-Hans'],
    ['zh-CN', 'zh-Hans'],
    ['zh-SG', 'zh-Hans'],
    ['zh-Hans-CN', 'zh-Hans'],
    ['zh-SG-x-private', 'zh-Hans'],
    ['ja-JP-u-ca-japanese', 'ja'],
    ['fr-x-private', 'fr'],
    ['fr-*-CH', 'fr'],
    ['*-it', 'it'],
  ])('is found for %s: %s', (wanted, language) => {
    expect(findLanguage(SHIPPED_LANGUAGES, [wanted])).toBe(language)
  })

  test.each([
    'ko',
    'x-private',
    '*',
    '',
    'de_DE',
    'deu',
    'zh-TW',
    'zh-HK',
    'zh-MO',
    'zh-Hant',
    'zh-Hant-SG',
    'zh-yue-HK',
  ])('is not found for %j', (wanted) => {
    expect(findLanguage(SHIPPED_LANGUAGES, [wanted])).toBeNull()
  })

  test('is the best that there is: of the wishes the first, of a wish the longest', () => {
    expect(findLanguage(['de', 'de-AT', 'de-AT-1996'], ['ko', 'de-at-1996-x-a', 'de'])).toBe('de-AT-1996')
    expect(findLanguage(['zh-Hans', 'zh-TW'], ['zh-TW'])).toBe('zh-TW')
    expect(findLanguage(['zh-Hans', 'zh-CN'], ['zh-CN'])).toBe('zh-CN')
    for (const wanted of ['zh-CN', 'zh-SG']) expect(findLanguage(['zh', 'zh-Hans'], [wanted])).toBe('zh-Hans')
  })

  test('Chinese of a script or place that only begins like a traditional one is not kept from Simplified', () => {
    expect(findLanguage(['zh-Hans'], ['zh-hants'])).toBe('zh-Hans')
    expect(findLanguage(['zh-Hans'], ['zh-atw'])).toBe('zh-Hans')
  })

  test('is never asked for by a single letter without what followed it', () => {
    expect(findLanguage(['de-x'], ['de-x-a'])).toBeNull()
    expect(findLanguage(['de-x'], ['de-x'])).toBe('de-x')
  })
})

test.each([
  ['fr-CH, fr;q=0.9, en;q=0.8, de;q=0.7, *;q=0.5', ['fr-CH', 'fr', 'en', 'de', '*']],
  ['ko, ja;q=0.8, de;q=0.9', ['ko', 'de', 'ja']],
  ['de;q=0, it;q=0.001', ['it']],
  ['de ; q = 0.1 , pl', ['pl', 'de']],
  ['de;Q=1.000, nl;q=1, tr;q=0.999', ['de', 'nl', 'tr']],
  ['de;q=2, nl;q=1.001, fr;q=0.1234, it;q=.5, es;q=1x, ja;aq=1, pl', ['pl']],
  [', ,;q=1,not_a_tag,toolonglanguage,de-toolongsubtag,de-,-de,1a,a*,*a,tr', ['tr']],
  ['abcdefgh-*-abcdefgh, de-1996', ['abcdefgh-*-abcdefgh', 'de-1996']],
  ['', []],
  [undefined, []],
])('of Accept-Language %j the ranges are %j', (field, ranges) => {
  expect(readAcceptLanguage(field)).toEqual(ranges)
})

test('no more than 32 ranges are read', () => {
  expect(readAcceptLanguage(Array(40).fill('de').join(','))).toHaveLength(32)
})

test.each(['de', 'de-AT', 'zh-Hans-CN', 'x-private', 'X-a-b1', `x${'-abcdefgh'.repeat(28)}-a`])(
  '%s is a tag',
  (tag) => {
    expect(isLanguageTag(tag)).toBe(true)
  },
)

test.each([
  ...[
    '',
    'de_DE',
    'd',
    'de-',
    '-de',
    'de DE',
    'de\u0000',
    'é',
    '*',
    'de,fr',
    'x-',
    'x-abcdefghi',
    'x-a-',
    'ax-a',
    'x-a b',
  ],
  ...[`x${'-abcdefgh'.repeat(28)}-ab`, 'a'.repeat(300)],
])('%j is none', (value) => {
  expect(isLanguageTag(value)).toBe(false)
})
