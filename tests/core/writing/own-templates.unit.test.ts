import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { createMailTexts, openMailTexts } from '../../../src/core/mail/writing/mail-texts.ts'
import { PARTS } from '../../../src/core/mail/writing/read-templates.ts'
import { keepLog } from '../../support/kept-log.ts'

const root = mkdtempSync(join(tmpdir(), 'latchkey-texts-'))
let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(root, 'own-'))
})
afterAll(() => rmSync(root, { recursive: true }))

const write = (path: string, content: string | Buffer) => {
  mkdirSync(dirname(join(folder, path)), { recursive: true })
  writeFileSync(join(folder, path), content)
}
const open = (settings: { serviceName?: string; defaultLocale?: string } = {}) =>
  createMailTexts({ serviceName: 'Acme', defaultLocale: 'en', ttlSeconds: 60, folder, ...settings })
const facts = (locale: string) => ({ to: 'ada@example.com', ref: 'K7QX', locale })
const writeAll = (language: string) => {
  for (const part of PARTS)
    write(
      `${language}/${part}`,
      part.startsWith('code') && !part.includes('subject') ? `${language}\n{{code}}\n` : language,
    )
}

test('what is given takes the place of ours, and the rest stays', () => {
  write('de/code.subject.txt', 'Hallo von {{serviceName}} {{ref}}\n')
  const mail = open().codeMail({ ...facts('de'), code: '0427' })
  expect(mail.subject).toBe('Hallo von Acme K7QX')
  expect(mail.text).toContain('Geben Sie diesen Code ein')
})

test('a folder with all six texts is a language, and the default if one likes', () => {
  writeAll('ko')
  const texts = open({ defaultLocale: 'ko-KR' })
  expect(texts.languages).toMatchObject({ fallback: 'ko', available: expect.arrayContaining(['ko', 'en']) })
  expect(texts.noticeMail(facts('ko')).text).toBe('ko')
})

test('a language that lacks a text is none, and is named', () => {
  writeAll('ko')
  rmSync(join(folder, 'ko/notice.html'))
  const texts = open()
  expect(texts.languages.available).not.toContain('ko')
  expect(texts.incomplete).toEqual(['ko'])
})

test('the case of a folder and other files do not matter', () => {
  write('PT-br/notice.txt', 'Olá')
  write('README.md', '{{{anything}}}')
  write('de/code.htm', '{{{anything}}}')
  const texts = open()
  expect(texts.noticeMail(facts('pt-BR')).text).toBe('Olá')
  expect(texts.incomplete).toEqual([])
})

test('all variables can be used, line ends and a byte order mark do no harm, and a subject is one line', () => {
  write('en/code.txt', '\uFEFF{{serviceName}} {{ref}} {{validity}}\r\n\r\n{{code}}\r\n')
  write('en/code.html', '<p>{{serviceName}} {{ref}} {{validity}} {{code}} {{email}}{{! a word }}</p>')
  write('en/code.subject.txt', '{{serviceName}}\r\n \r\n{{ref}}\u2028x\n')
  expect(open().codeMail({ ...facts('en'), code: '0427' })).toEqual({
    to: 'ada@example.com',
    subject: 'Acme K7QX x',
    text: 'Acme K7QX 1 minute\n\n0427\n',
    html: '<p>Acme K7QX 1 minute 0427 ada@example.com</p>',
  })
})

test('each variable may stand alone, tags may be written otherwise, and what is escaped in HTML is not in a text', () => {
  for (const name of ['ref', 'validity', 'serviceName']) {
    write('en/notice.txt', `{{{${name}}}}`)
    expect(open({ serviceName: '<Acme>' }).noticeMail(facts('en')).text).toMatch(/^(?:K7QX|1 minute|<Acme>)$/)
  }
  write('en/notice.html', '{{email}}')
  write('en/notice.txt', '{{=<% %>=}}<% ref %>\r12\r34')
  expect(open().noticeMail(facts('en'))).toMatchObject({ html: 'ada@example.com', text: 'K7QX\n12\n34' })
})

test('a file that is named as a language is none', () => {
  write('ko', 'a file')
  const texts = open()
  expect([texts.languages.available.includes('ko'), texts.incomplete]).toEqual([false, ['ko']])
})

test('a process tells in its log which languages are not used', () => {
  const { logger, lines } = keepLog()
  openMailTexts({ serviceName: 'Acme', defaultLocale: 'en', ttlSeconds: 60, folder }, logger)
  expect(lines()).toEqual([])
  write('ko/notice.txt', 'ko')
  const texts = openMailTexts({ serviceName: 'Acme', defaultLocale: 'en', ttlSeconds: 60, folder }, logger)
  expect(texts.incomplete).toEqual(['ko'])
  expect(lines()).toMatchObject([
    { level: 'warn', incomplete: ['ko'], msg: 'languages without all six texts of mails are not used' },
  ])
})

test('the fingerprint of the texts is the same while they are, and another with another text or default', () => {
  const fingerprint = (settings?: Parameters<typeof open>[0]) => open(settings).fingerprint
  const texts = open()
  expect(texts.fingerprint).toMatch(/^[0-9a-f]{64}$/)
  expect([texts.fingerprint, fingerprint()]).toEqual([texts.fingerprint, texts.fingerprint])
  expect(fingerprint({ defaultLocale: 'de' })).not.toBe(texts.fingerprint)
  write('ja/notice.html', 'another')
  expect(fingerprint()).not.toBe(texts.fingerprint)
})

test('an address is escaped in HTML', () => {
  write('en/notice.html', '<p>{{email}}</p>')
  expect(open().noticeMail({ ...facts('en'), to: "o'neil&{x}@example.com" }).html).toBe(
    '<p>o&#39;neil&amp;{x}@example.com</p>',
  )
})

describe('stops with the file and the line', () => {
  test.each([
    ['en/code.txt', 'a\n{{code}}\n{{name}}\n', ':3: {{name}} is not a variable'],
    [
      'en/code.txt',
      '{{code}}\n{{email}}\n',
      ':2: {{email}} is not a variable of this file: there are ref, validity, serviceName, code\n',
    ],
    ['en/code.txt', '{{code}}\n{{spokenCode}}\n', ':2: {{spokenCode}} is not a variable'],
    ['en/code.txt', '{{code}}\n{{#people}}x{{/people}}', ':2: {{people}} is not a variable'],
    ['en/code.txt', '{{code}}\n{{#ref}}{{other}}{{/ref}}', ':2: {{other}} is not a variable'],
    ['en/code.txt', '{{code}}\n{{> header}}', ':2: {{>header}} would include'],
    ['en/code.txt', 'nothing', ': lacks {{code}}'],
    ['en/code.txt', '{{! {{code}} }}x', ': lacks {{code}}'],
    ['en/code.html', '<p>nothing</p>', ': lacks {{code}}'],
    ['en/code.txt', 'a\nyour code: {{code}}\n', ':2: the code is not alone'],
    ['en/code.txt', 'a\n\n {{code}}\n', ':3: the code is not alone'],
    ['en/code.txt', '{{code}}\n{{code}}\n', ':1: the code is not alone'],
    ['en/code.txt', '{{code}}\nand {{code}}\n', ':1: the code is not alone on its line\n'],
    ['en/code.txt', '{{ref}}\n\n {{code}}\n', ':3: the code is not alone'],
    ['en/code.txt', '{{code}}\n\n(c) 2026\n', ':3: another run of 4 or 8 digits'],
    ['en/code.txt', '{{code}}\n12345678\n', ':2: another run of 4 or 8 digits'],
    ['en/code.txt', '{{code}}\n٢٠٢٦\n', ':2: another run of 4 or 8 digits'],
    ['en/code.txt', '{{code}}\n12{{serviceName}}\n', ': another run of 4 or 8 digits', '42'],
    ['en/notice.txt', 'Call 1234', ':1: another run of 4 or 8 digits'],
    ['en/notice.txt', '1234 calls', ':1: another run of 4 or 8 digits'],
    [
      'en/notice.txt',
      '{{code}}',
      ':1: {{code}} is not a variable of this file: there are ref, validity, serviceName\n',
    ],
    ['en/notice.html', '{{code}}', ':1: {{code}} is not a variable'],
    ['en/notice.html', '\n{{{serviceName}}}', ':2: {{{serviceName}}} would not be escaped'],
    ['en/code.html', '{{code}}\n{{&ref}}', ':2: {{{ref}}} would not be escaped'],
    ['en/code.txt', '{{code}}\n{{ref', ':2: is not Mustache: Unclosed tag'],
    ['en/code.txt', '{{code}}\n{{#ref}}', ':2: is not Mustache: Unclosed section'],
    ['en/notice.subject.txt', ' \n', ': is empty'],
    ['en/notice.txt', ' \n', ': is empty'],
  ])('%s: %j', (path, source, fault, serviceName = 'Acme') => {
    write(path, source)
    const told = () => {
      try {
        open({ serviceName })
        return 'nothing'
      } catch (error) {
        return `${error instanceof Error ? error.message : error}\n`
      }
    }
    expect(told()).toContain(`${join(folder, path)}${fault}`)
  })

  test('and names every fault', () => {
    write('en/notice.txt', '{{a}}\n{{b}}')
    write('fr/notice.html', '{{c}}')
    write('es/code.txt', '{{code}}\nand {{code}}\n')
    expect(() => open()).toThrow(
      /en\/notice\.txt:1: .*\n.*en\/notice\.txt:2: .*\n.*fr\/notice\.html:1: .*\n.*es\/code\.txt:1: .* alone on its line$/,
    )
  })

  test('when a file is not UTF-8, or the folder is not there', () => {
    write('en/notice.txt', Buffer.from([0xff, 0xfe, 0x41]))
    expect(() => open()).toThrow(/MAIL_TEMPLATES: .*notice\.txt cannot be read/)
    rmSync(join(folder, 'en/notice.txt'))
    mkdirSync(join(folder, 'en/notice.txt'))
    expect(() => open()).toThrow(/MAIL_TEMPLATES: .*notice\.txt cannot be read \(EISDIR\)/)
    folder = join(folder, 'nothing')
    expect(() => open()).toThrow(/MAIL_TEMPLATES: .*nothing cannot be read \(ENOENT\)/)
  })
})

test('four digits elsewhere, as in HTML or beside others, are no fault', () => {
  write('en/code.html', '<p style="color:#123456;margin:1234px">{{code}} 2026</p>')
  write('en/notice.html', '<p>2026</p>')
  write('en/code.txt', '{{code}}\n123 12345 1234567\n12\n34\n')
  expect(open().codeMail({ ...facts('en'), code: '0427' }).text).toContain('12345')
})
