import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '../..')
const IMPORT = /(?:\bfrom|\bimport)\s*\(?\s*'(\.[^']+)'/g

const read = (file: string) => readFileSync(join(ROOT, file), 'utf8')

/** The file with all that it imports as it runs, over others: types are erased. */
const reach = (file: string, seen = new Set<string>()): Set<string> => {
  if (seen.has(file)) return seen
  seen.add(file)
  for (const [, specifier = ''] of read(file)
    .replaceAll(/^import type .*$/gm, '')
    .matchAll(IMPORT))
    reach(relative(ROOT, resolve(ROOT, dirname(file), specifier)), seen)
  return seen
}

test('the image of the mail sandbox holds all that its programs import', () => {
  const sources = [...read('dev/Dockerfile.sandbox').matchAll(/^COPY (?!--)(.+) \S+$/gm)].flatMap(([, files = '']) =>
    files.split(' '),
  )
  expect(sources).toContain('dev/mail-sandbox')
  expect(sources.filter((source) => !existsSync(join(ROOT, source)))).toEqual([])
  const needed = [...reach('dev/sandbox.ts'), ...reach('dev/gateway.ts')]
  expect(needed.length).toBeGreaterThan(20)
  const isThere = (file: string) => sources.some((source) => file === source || file.startsWith(`${source}/`))
  expect(needed.filter((file) => !isThere(file))).toEqual([])
})
