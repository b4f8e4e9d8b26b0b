import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { SHIPPED_LANGUAGES } from '../../../src/core/mail/writing/languages.ts'
import { createMailTexts, renderSamples } from '../../../src/core/mail/writing/mail-texts.ts'
import { PARTS } from '../../../src/core/mail/writing/read-templates.ts'
import { validityIn } from '../../../src/core/mail/writing/validity.ts'
import { createPublicRef } from '../../../src/core/registration/public-ref.ts'

const SETTINGS = { serviceName: 'Latchkey', defaultLocale: 'en', ttlSeconds: 60 }
const TEXTS = createMailTexts(SETTINGS)
const TO = 'ada@example.com'
const refs = fc.constant(null).map(createPublicRef)
const codes = fc.stringMatching(/^(?:[0-9]{4}|[0-9]{8})$/)
const codesIn = (text: string) => text.match(/(?<!\p{Nd})(?:\p{Nd}{4}|\p{Nd}{8})(?!\p{Nd})/gu) ?? []
// The words change with each second, then with each minute, then, from two hours on, with each hour.
const TIMES = Array.from({ length: 86_400 }, (_, index) => index + 1).filter(
  (ttl) => ttl <= 7260 || [0, 1, 3599].includes(ttl % 3600),
)
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

  test('the HTML holds the code once, in one piece, and spells it out for screen readers', () => {
    fc.assert(
      fc.property(refs, codes, (ref, code) => {
        const { html } = TEXTS.codeMail({ to: TO, ref, locale, code })
        expect(html.split(code)).toHaveLength(2)
        expect(html).toContain(`aria-label="${[...code].join(' ')}"`)
      }),
    )
  })

  test('the subject is short and has the service and the reference, and not the code', () => {
    const code = TEXTS.codeMail({ to: TO, ref: 'K7QX', locale, code: '0427' }).subject
    const notice = TEXTS.noticeMail({ to: TO, ref: 'K7QX', locale }).subject
    for (const subject of [code, notice]) {
      expect(subject.length).toBeLessThan(60)
      expect(subject).toMatch(/Latchkey.*K7QX|K7QX.*Latchkey/)
      expect(codesIn(subject)).toEqual([])
    }
    expect(code).not.toBe(notice)
  })

  test('the notice has the reference and no code', () => {
    const { text, html } = TEXTS.noticeMail({ to: TO, ref: 'K7QX', locale })
    expect(codesIn(text)).toEqual([])
    for (const part of [text, html]) expect(part).toContain('K7QX')
  })

  test('the HTML says its language and direction, and loads nothing', () => {
    const mails = [
      TEXTS.codeMail({ to: TO, ref: 'K7QX', locale, code: '0427' }),
      TEXTS.noticeMail({ to: TO, ref: 'K7QX', locale }),
    ]
    for (const { html } of mails) {
      expect(html).toContain(`<html lang="${locale}" dir="${locale === 'ar' ? 'rtl' : 'ltr'}">`)
      expect(html).not.toMatch(/https?:|<img|<script|<link|url\(/)
      expect(html).toContain('prefers-color-scheme: dark')
    }
  })

  test('the name of the service is escaped in HTML and in nothing else', () => {
    const serviceName = '<b>"A" & \'B\'</b>'
    const texts = createMailTexts({ ...SETTINGS, serviceName })
    const { subject, text, html } = texts.codeMail({ to: TO, ref: 'K7QX', locale, code: '0427' })
    expect(subject).toContain(serviceName)
    expect(text).toContain(serviceName)
    expect(html).not.toContain('<b>')
    expect(html).toContain('&lt;b&gt;&quot;A&quot; &amp; &#39;B&#39;')
  })

  test('HTML and text say the same', () => {
    const { text, html } = TEXTS.codeMail({ to: TO, ref: 'K7QX', locale, code: '0427' })
    const visible = html
      .slice(html.indexOf('<h1'))
      .replace(/<[^>]+>/g, '')
      .replace(/\s+/g, ' ')
    for (const line of text.split('\n').filter((part) => part !== ''))
      expect(visible).toContain(line.replace(/[\u2068\u2069]/g, '').replace(/\s+/g, ' '))
  })

  test('the time never looks like a code', () => {
    const looksLikeACode = (ttl: number) => codesIn(validityIn(locale, ttl)).length > 0
    expect(TIMES.filter(looksLikeACode)).toEqual([])
    const texts = createMailTexts({ ...SETTINGS, ttlSeconds: 300 })
    const { text, html } = texts.codeMail({ to: TO, ref: 'K7QX', locale, code: '0427' })
    for (const part of [text, html]) expect(part).toContain(validityIn(locale, 300))
  })

  test('all languages have one layout', () => {
    const layoutOf = (language: string, part: string) =>
      readFileSync(join(FOLDER, language, part), 'utf8')
        .replace(/>[^<]*[^<\s][^<]*</g, (found) => (found.includes('{ color-scheme') ? found : '><'))
        .replace(/<\/?(?:bdi|strong)[^>]*>/g, '')
        .replaceAll(/ dir="(?:rtl|ltr)"| lang="[^"]+"/g, '')
        .replace(/>[^<>{}]*\{\{ref\}\}[^<>]*</g, '><')
    for (const part of PARTS.filter((name) => name.endsWith('.html')))
      expect(layoutOf(locale, part)).toBe(layoutOf('en', part))
  })
})

test.each([
  ['en', 1, '1 second'],
  ['en', 60, '1 minute'],
  ['en', 119, '119 seconds'],
  ['en', 120, '2 minutes'],
  ['en', 3599, '59 minutes'],
  ['en', 7200, '2 hours'],
  ['en', 86_400, '24 hours'],
  ['pl', 120, '2 minuty'],
  ['pl', 300, '5 minut'],
  ['pl', 1320, '22 minuty'],
  ['ar', 120, 'دقيقتان'],
  ['ar', 300, '5 دقائق'],
  ['ja', 60, '1 分'],
  ['zh-Hans', 60, '1分钟'],
])('in %s %i s are %s', (language, seconds, words) => {
  expect(validityIn(language, seconds)).toBe(words)
})

test('a mail never promises more time than there is', () => {
  const units = { second: 1, minute: 60, hour: 3600 }
  for (let ttl = 1; ttl <= 86_400; ttl += 1) {
    const [, amount, unit] = /^(\d+) (second|minute|hour)s?$/.exec(validityIn('en', ttl)) ?? []
    const promised = Number(amount) * (Object.entries(units).find(([name]) => name === unit)?.[1] ?? Number.NaN)
    if (!(promised <= ttl && promised > ttl / 2)) expect([ttl, promised]).toEqual([ttl, ttl])
  }
})

test('French sets no space before a colon at which a line could break, not even in a subject', () => {
  const facts = { to: TO, ref: 'K7QX', locale: 'fr' }
  for (const { subject, text, html } of [TEXTS.codeMail({ ...facts, code: '0427' }), TEXTS.noticeMail(facts)]) {
    expect(subject).toContain('Latchkey\u00a0: ')
    for (const part of [subject, text, html.slice(html.indexOf('<body'))]) expect(part).not.toMatch(/ [:;!?»]/)
  }
})

test('in Arabic a name keeps its own direction, also one that ends with a sign', () => {
  const texts = createMailTexts({ ...SETTINGS, serviceName: 'Acme!' })
  const facts = { to: TO, ref: 'K7QX', locale: 'ar' }
  for (const { text, html } of [texts.codeMail({ ...facts, code: '0427' }), texts.noticeMail(facts)]) {
    expect(text.replaceAll('\u2068Acme!\u2069', '')).not.toContain('Acme')
    expect(html.replaceAll('<bdi>Acme!</bdi>', '')).not.toContain('Acme')
  }
})

test('the same facts have the same bytes', () => {
  const facts = { to: TO, ref: 'K7QX', locale: 'ja' }
  expect(createMailTexts(SETTINGS).codeMail({ ...facts, code: '0427' })).toEqual(
    TEXTS.codeMail({ ...facts, code: '0427' }),
  )
  expect(createMailTexts(SETTINGS).noticeMail(facts)).toEqual(TEXTS.noticeMail(facts))
})

test('who has a language that is gone gets the default', () => {
  const german = createMailTexts({ ...SETTINGS, defaultLocale: 'de' })
  expect(german.noticeMail({ to: TO, ref: 'K7QX', locale: 'ko' }).html).toContain('lang="de"')
})

test('there is a sample of each text in each language', () => {
  const samples = renderSamples(TEXTS)
  expect(samples).toHaveLength(24)
  expect(new Set(samples.map(({ mail }) => mail.subject)).size).toBe(24)
})
