import { expect, test } from 'vitest'
import { findIn, formsOf, showsShortCode } from './leak-search.ts'

const PASSWORD = 'canary-Pässwort-k3v9t'

test('the search finds what it looks for', () => {
  for (const form of formsOf(PASSWORD)) expect(findIn(`x ${form} y`, PASSWORD)).not.toBeNull()
  expect(findIn('canary', PASSWORD)).toBeNull()
  for (const text of ['{"code":"0427"}', 'code is\n0427\n', 'wrong code: 0427', '"text":"is\\n\\n0427\\n"'])
    expect(showsShortCode(text, '0427')).toBe(true)
  for (const text of ['{"pid":0427}', '2026-11-22T04:27:00.0427Z', '"durationMs":0427', 'port 10427'])
    expect(showsShortCode(text, '0427')).toBe(false)
})
