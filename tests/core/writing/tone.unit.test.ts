import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { SHIPPED_LANGUAGES } from '../../../src/core/mail/writing/languages.ts'
import { createMailTexts, renderSamples } from '../../../src/core/mail/writing/mail-texts.ts'

const PAGE = join(import.meta.dirname, '../../../dev/mail-sandbox/pages/sign-up/languages')
const SAMPLES = renderSamples(createMailTexts({ serviceName: 'Latchkey', defaultLocale: 'en', ttlSeconds: 60 }))

type Rules = Partial<Record<(typeof SHIPPED_LANGUAGES)[number], RegExp>>

const words = (list: string, flags = 'iu') => new RegExp(`(?<!\\p{L})(?:${list})(?!\\p{L})`, flags)

/** How a text would address its reader otherwise than all others of its language do. */
const OTHER_ADDRESS: Rules = {
  de: words('du|dich|dir|dein|deine|deinen|deinem|deiner|gib|prüfe|wähle'),
  fr: words('tu|te|toi|ton|ta|tes|saisis|ignore'),
  es: words('usted|ustedes|introduzca|inicie|revise|elija|solicite|espere'),
  'pt-BR': words('tu|teu|tua|teus|tuas|senhor|senhora'),
  it: words('lei|voi|vostro|vostra|inserisca|acceda|controlli|attenda|scelga'),
  nl: words('u|uw|uzelf'),
  // To write to somebody is to write these with a capital.
  pl: words('Pan|Pani|Pana|Państwo|Państwa|ty|twój|twoje|twojego|cię', 'u'),
  tr: words('sen|seni|sana|senin|hesabın|şifren|girebilirsin'),
  ja: /(?<!ます|ません|です|ください|ました|でした|）|[\d}])。/u,
  'zh-Hans': /你/u,
}

/** What a typesetter would not let pass. */
const WRONG_MARKS: Rules = {
  ja: /[\p{sc=Han}\p{sc=Hira}\p{sc=Kana}][,.:;!?()]/u,
  'zh-Hans': /\p{sc=Han}[,.:;!?()]/u,
  ar: /[,;?]/,
  fr: /[^\u00a0\u202f][:;!?»]/,
  es: /^(?!.*¿).*\?|^(?!.*¡).*!/,
}

/** All that the mails and the sign-up page say. */
const linesIn = (language: string): string[] => {
  const page: Record<string, string> = JSON.parse(readFileSync(join(PAGE, `${language}.json`), 'utf8'))
  const mails = SAMPLES.filter((sample) => sample.language === language).map(({ mail }) => mail)
  return [...mails.flatMap(({ subject, text }) => [subject, ...text.split('\n')]), ...Object.values(page)]
}

test.each(Object.entries(OTHER_ADDRESS))('in %s all texts address their reader in one way', (language, other) => {
  expect(linesIn(language).filter((line) => other.test(line))).toEqual([])
})

test.each(SHIPPED_LANGUAGES)('in %s quotation marks and dots are those of print', (language) => {
  expect(linesIn(language).filter((line) => /['"`]|\.\.\./.test(line))).toEqual([])
})

test.each(Object.entries(WRONG_MARKS))('in %s no mark is one of another language', (language, wrong) => {
  expect(linesIn(language).filter((line) => wrong.test(line))).toEqual([])
})
