import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const FOLDER = join(import.meta.dirname, '../../dev/mail-sandbox/pages/sign-up/languages')
const read = (file: string): Record<string, string> => JSON.parse(readFileSync(join(FOLDER, file), 'utf8'))
const english = read('en.json')
const placeholders = (text = '') => (text.match(/\{\w+\}/g) ?? []).toSorted()

test('there are the twelve languages of the mails', () => {
  expect(readdirSync(FOLDER)).toEqual(
    readdirSync(join(FOLDER, '../../../../../src/core/mail/texts')).map((name) => `${name}.json`),
  )
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
