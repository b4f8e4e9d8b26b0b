import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { SHIPPED_LANGUAGES } from '../../../src/core/mail/writing/languages.ts'
import { createMailTexts, type MailTexts, renderSamples } from '../../../src/core/mail/writing/mail-texts.ts'
import { PARTS } from '../../../src/core/mail/writing/read-templates.ts'
import { validityIn } from '../../../src/core/mail/writing/validity.ts'
import { createPublicRef } from '../../../src/core/registration/public-ref.ts'

const SETTINGS = { serviceName: 'Latchkey', defaultLocale: 'en', ttlSeconds: 60 }
const TEXTS = createMailTexts(SETTINGS)
const TO = 'ada@example.com'
const FACTS = { to: TO, ref: 'K7QX' }
const refs = fc.constant(null).map(createPublicRef)
const codes = fc.stringMatching(/^(?:[0-9]{4}|[0-9]{8})$/)
const codesIn = (text: string) => text.match(/(?<!\p{Nd})(?:\p{Nd}{4}|\p{Nd}{8})(?!\p{Nd})/gu) ?? []

const bothMails = (texts: MailTexts, locale: string) => [
  texts.codeMail({ ...FACTS, locale, code: '0427' }),
  texts.noticeMail({ ...FACTS, locale }),
]

/** What a person can read of it, the title too. */
const readableIn = (html: string) =>
  html
    .replace(/<style>.*?<\/style>/s, '')
    .replace(/<[^>]+>/g, '')
    .replace(/\s+/g, ' ')

const linesIn = (text: string) => text.split('\n').flatMap((line) => (line === '' ? [] : [line.replace(/\s+/g, ' ')]))

const FOLDER = join(import.meta.dirname, '../../../src/core/mail/texts')

test('a public reference has four characters of which one is a digit', () => {
  for (let n = 0; n < 5000; n += 1) expect(createPublicRef()).toMatch(/^[B-DF-HJ-NP-TV-XZ][2-9][B-DF-HJ-NP-TV-XZ]{2}$/)
})

test('public references differ', () => {
  expect(new Set(Array.from({ length: 1000 }, createPublicRef)).size).toBeGreaterThan(950)
})

describe.each(SHIPPED_LANGUAGES)('in %s', (locale) => {
  test('the code stands alone on one line of the text, and nothing else there looks like one', () => {
    fc.assert(
      fc.property(refs, codes, (ref, code) => {
        const { text } = TEXTS.codeMail({ to: TO, ref, locale, code })
        expect(text.split('\n').filter((line) => line === code)).toHaveLength(1)
        expect(codesIn(text)).toEqual([code])
      }),
    )
  })

  test('the HTML holds the code once, in one piece, spells it out for screen readers, and shows nothing like it', () => {
    fc.assert(
      fc.property(refs, codes, (ref, code) => {
        const { html } = TEXTS.codeMail({ to: TO, ref, locale, code })
        expect(html.split(code)).toHaveLength(2)
        expect(html).toContain(`aria-label="${[...code].join(' ')}"`)
        expect(codesIn(readableIn(html))).toEqual([code])
      }),
    )
  })

  test('the subject is short and has the service and the reference, and not the code', () => {
    const code = TEXTS.codeMail({ ...FACTS, locale, code: '0427' }).subject
    const notice = TEXTS.noticeMail({ ...FACTS, locale }).subject
    for (const subject of [code, notice]) {
      expect(subject.length).toBeLessThan(60)
      expect(subject).toMatch(/Latchkey.*K7QX|K7QX.*Latchkey/)
      expect(codesIn(subject)).toEqual([])
    }
    expect(code).not.toBe(notice)
  })

  test('the notice has the reference and no code', () => {
    const { text, html } = TEXTS.noticeMail({ ...FACTS, locale })
    for (const part of [text, readableIn(html)]) {
      expect(codesIn(part)).toEqual([])
      expect(part).toContain('K7QX')
    }
  })

  test('the HTML says its language and direction, also where a webmail drops <html>, and loads nothing', () => {
    const said = `lang="${locale}" dir="${locale === 'ar' ? 'rtl' : 'ltr'}"`
    for (const { html } of bothMails(TEXTS, locale)) {
      expect(html).toContain(`<html ${said}>`)
      expect(html).toMatch(new RegExp(`<table [^>]*class="card" ${said}`))
      expect(html.match(/ lang="[^"]*"/g)).toHaveLength(2)
      expect(html).not.toMatch(/https?:|<img|<script|<link|url\(/)
      expect(html).toContain('prefers-color-scheme: dark')
    }
  })

  test('the name of the service is escaped in HTML and in nothing else', () => {
    const serviceName = '<b>"A" & \'B\'</b>'
    for (const { subject, text, html } of bothMails(createMailTexts({ ...SETTINGS, serviceName }), locale)) {
      expect(subject).toContain(serviceName)
      expect(text).toContain(serviceName)
      expect(html).not.toMatch(/<b>|"A"|'B'/)
      expect(html).toContain('&lt;b&gt;&quot;A&quot; &amp; &#39;B&#39;')
    }
  })

  test('HTML and text say the same', () => {
    for (const { text, html } of bothMails(TEXTS, locale)) {
      const visible = readableIn(html.slice(html.indexOf('<h1')))
      for (const line of linesIn(text)) expect(visible).toContain(line.replace(/[\u2068\u2069]/g, ''))
    }
  })

  test('the mail says how long its code is valid', () => {
    const { text, html } = createMailTexts({ ...SETTINGS, ttlSeconds: 300 }).codeMail({
      ...FACTS,
      locale,
      code: '0427',
    })
    for (const part of [text, html]) expect(part).toContain(validityIn(locale, 300))
  })

  test('all languages have one layout', () => {
    const layoutOf = (language: string, part: string) =>
      readFileSync(join(FOLDER, language, part), 'utf8')
        .replace(/>[^<]*[^<\s][^<]*</g, (found) => (found.includes('{ color-scheme') ? found : '><'))
        .replace(/<\/?bdi[^>]*>/g, '')
        .replaceAll(/ dir="(?:rtl|ltr)"| lang="[^"]+"/g, '')
        .replace(/>[^<>{}]*\{\{ref\}\}[^<>]*</g, '><')
    for (const part of PARTS.filter((name) => name.endsWith('.html')))
      expect(layoutOf(locale, part)).toBe(layoutOf('en', part))
  })
})

test('French sets no space before a colon at which a line could break, not even in a subject', () => {
  const facts = { ...FACTS, locale: 'fr' }
  for (const { subject, text, html } of [TEXTS.codeMail({ ...facts, code: '0427' }), TEXTS.noticeMail(facts)]) {
    expect(subject).toContain('Latchkey\u00a0: ')
    for (const part of [subject, text, html.slice(html.indexOf('<body'))]) expect(part).not.toMatch(/ [:;!?»]/)
  }
})

test('in Arabic a name keeps its own direction, also one that ends with a sign', () => {
  const texts = createMailTexts({ ...SETTINGS, serviceName: 'Acme!' })
  const facts = { ...FACTS, locale: 'ar' }
  for (const { text, html } of [texts.codeMail({ ...facts, code: '0427' }), texts.noticeMail(facts)]) {
    expect(text.replaceAll('\u2068Acme!\u2069', '')).not.toContain('Acme')
    expect(html.replaceAll('<bdi>Acme!</bdi>', '')).not.toContain('Acme')
  }
})

test('the same facts have the same bytes', () => {
  const facts = { ...FACTS, locale: 'ja' }
  expect(createMailTexts(SETTINGS).codeMail({ ...facts, code: '0427' })).toEqual(
    TEXTS.codeMail({ ...facts, code: '0427' }),
  )
  expect(createMailTexts(SETTINGS).noticeMail(facts)).toEqual(TEXTS.noticeMail(facts))
})

test('who has a language that is gone gets the default', () => {
  const german = createMailTexts({ ...SETTINGS, defaultLocale: 'de' })
  expect(german.noticeMail({ ...FACTS, locale: 'ko' }).html).toContain('lang="de"')
})

test('there is a sample of each text in each language', () => {
  const samples = renderSamples(TEXTS)
  expect(samples).toHaveLength(24)
  expect(new Set(samples.map(({ mail }) => mail.subject)).size).toBe(24)
  const facts = { to: 'user@example.com', ref: 'K7QX', locale: 'en' }
  expect(samples.slice(0, 2)).toEqual([
    { language: 'en', kind: 'code', mail: TEXTS.codeMail({ ...facts, code: '0427' }) },
    { language: 'en', kind: 'notice', mail: TEXTS.noticeMail(facts) },
  ])
  expect(TEXTS.incomplete).toEqual([])
})

test('no line is left in the language of another, nor of the other mail', () => {
  const samples = renderSamples(TEXTS).map(({ mail }) => linesIn(mail.text))
  const [lines, references] = [samples.flatMap((all) => all.slice(0, -1)), samples.map((all) => all.at(-1))]
  const sentences = lines.filter((line) => line !== '0427')
  expect(sentences.toSorted()).toEqual([...new Set(sentences)].toSorted())
  expect(new Set(references).size).toBe(12)
})
