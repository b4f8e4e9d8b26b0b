import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import {
  chooseLanguage as chooseForMails,
  languagesOf,
  SHIPPED_LANGUAGES,
} from '../../src/core/mail/writing/languages.ts'

const FOLDER = join(import.meta.dirname, '../../dev/mail-sandbox/pages/sign-up/languages')
// The page's own script, which browsers load as it is: it has no declarations.
const PAGE = '../../dev/mail-sandbox/pages/sign-up/texts.js'
const { chooseLanguage, languages } = await import(PAGE)
const read = (file: string): Record<string, string> => JSON.parse(readFileSync(join(FOLDER, file), 'utf8'))
const english = read('en.json')
const placeholders = (text = '') => (text.match(/\{\w+\}/g) ?? []).toSorted()

test('there are the twelve languages of the mails', () => {
  expect(readdirSync(FOLDER)).toEqual(
    readdirSync(join(FOLDER, '../../../../../src/core/mail/texts')).map((name) => `${name}.json`),
  )
})

test.each([
  [['zh-TW', 'ja'], 'ja'],
  [['zh-Hant-HK', 'de-AT'], 'de'],
  [['zh-HK'], 'en'],
  [['zh'], 'zh-Hans'],
  [['zh-CN', 'ja'], 'zh-Hans'],
  [['zh-Hans-SG'], 'zh-Hans'],
  [['pt'], 'pt-BR'],
  [['pt-PT', 'fr'], 'pt-BR'],
  [['de-x-home'], 'de'],
  [['xx', 'AR-eg'], 'ar'],
  [[], 'en'],
])('who wants %j reads %s, on the page and in the mails', (wanted, language) => {
  expect(chooseLanguage(wanted)).toBe(language)
  expect(chooseForMails(languagesOf('en'), wanted)).toBe(language)
})

test('the page speaks the languages of the mails', () => {
  expect([...languages.keys()]).toEqual([...SHIPPED_LANGUAGES])
})

test('French sets no space before a sign at which a line could break', () => {
  expect(Object.values(read('fr.json')).filter((text) => / [:;!?»]/.test(text))).toEqual([])
})

test.each(readdirSync(FOLDER))('%s says everything, with the same places for values', (file) => {
  const texts = read(file)
  expect(Object.keys(texts)).toEqual(Object.keys(english))
  for (const [key, text] of Object.entries(texts)) {
    expect([key, text.trim()]).not.toEqual([key, ''])
    expect([key, placeholders(text)]).toEqual([key, placeholders(english[key])])
  }
})
