import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { createMailTexts } from '../../../src/core/mail/writing/mail-texts.ts'
import { PARTS } from '../../../src/core/mail/writing/read-templates.ts'

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
  expect(open().noticeMail(facts('pt-BR')).text).toBe('Olá')
})

test('all variables can be used, line ends and a byte order mark do no harm, and a subject is one line', () => {
  write('en/code.txt', '\uFEFF{{serviceName}} {{ref}} {{validity}}\r\n\r\n{{code}}\r\n')
  write('en/code.html', '<p>{{serviceName}} {{ref}} {{validity}} {{code}} {{email}}{{! a word }}</p>')
  write('en/code.subject.txt', '{{serviceName}}\r\n{{ref}}\u2028x\n')
  expect(open().codeMail({ ...facts('en'), code: '0427' })).toEqual({
    to: 'ada@example.com',
    subject: 'Acme K7QX x',
    text: 'Acme K7QX 1 minute\n\n0427\n',
    html: '<p>Acme K7QX 1 minute 0427 ada@example.com</p>',
  })
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
    ['en/code.txt', '{{code}}\n{{email}}\n', ':2: {{email}} is not a variable'],
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
    ['en/code.txt', '{{code}}\nand {{code}}\n', ':1: the code is not alone'],
    ['en/code.txt', '{{code}}\n\n(c) 2026\n', ':3: another run of 4 or 8 digits'],
    ['en/code.txt', '{{code}}\n12345678\n', ':2: another run of 4 or 8 digits'],
    ['en/code.txt', '{{code}}\n٢٠٢٦\n', ':2: another run of 4 or 8 digits'],
    ['en/code.txt', '{{code}}\n12{{serviceName}}\n', ': another run of 4 or 8 digits', '42'],
    ['en/notice.txt', 'Call 1234', ':1: another run of 4 or 8 digits'],
    ['en/notice.txt', '{{code}}', ':1: {{code}} is not a variable'],
    ['en/notice.html', '{{code}}', ':1: {{code}} is not a variable'],
    ['en/notice.html', '\n{{{serviceName}}}', ':2: {{{serviceName}}} would not be escaped'],
    ['en/code.html', '{{code}}\n{{&ref}}', ':2: {{{ref}}} would not be escaped'],
    ['en/code.txt', '{{code}}\n{{ref', ':2: is not Mustache: Unclosed tag'],
    ['en/code.txt', '{{code}}\n{{#ref}}', ':2: is not Mustache: Unclosed section'],
    ['en/notice.subject.txt', ' \n', ': is empty'],
  ])('%s: %j', (path, source, fault, serviceName = 'Acme') => {
    write(path, source)
    expect(() => open({ serviceName })).toThrow(`${join(folder, path)}${fault}`)
  })

  test('and names every fault', () => {
    write('en/notice.txt', '{{a}}\n{{b}}')
    write('fr/notice.html', '{{c}}')
    expect(() => open()).toThrow(/en\/notice\.txt:1: .*\n.*en\/notice\.txt:2: .*\n.*fr\/notice\.html:1: /)
  })

  test('when a file is not UTF-8, or the folder is not there', () => {
    write('en/notice.txt', Buffer.from([0xff, 0xfe, 0x41]))
    expect(() => open()).toThrow(/MAIL_TEMPLATES: .*notice\.txt cannot be read/)
    folder = join(folder, 'nothing')
    expect(() => open()).toThrow(/MAIL_TEMPLATES: .*nothing cannot be read \(ENOENT\)/)
  })
})

test('four digits elsewhere, as in HTML or beside others, are no fault', () => {
  write('en/code.html', '<p style="color:#123456;margin:1234px">{{code}} 2026</p>')
  write('en/code.txt', '{{code}}\n123 12345 1234567\n')
  expect(open().codeMail({ ...facts('en'), code: '0427' }).text).toContain('12345')
})
