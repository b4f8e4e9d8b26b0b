import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '..')
const PAGES = [
  'README.md',
  ...readdirSync(join(ROOT, 'docs')).flatMap((name) => (/\.md$/.test(name) ? [`docs/${name}`] : [])),
]
const MOST_WORDS = 8000

const read = (page: string) => readFileSync(join(ROOT, page), 'utf8')
const withoutCode = (text: string) => text.replaceAll(/^```.*?^```$/gms, '')

test('all pages together can be read in an hour', () => {
  const words = PAGES.flatMap((page) => withoutCode(read(page)).match(/\S*[\p{L}\p{N}]\S*/gu) ?? [])
  expect(words.length).toBeLessThanOrEqual(MOST_WORDS)
})

test('every link between them leads to a file, and to a heading of it', () => {
  const anchorsOf = (page: string) =>
    [...read(page).matchAll(/^##+ (.+)$/gm)].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\w -]/g, '')
        .replaceAll(' ', '-'),
    )
  const broken = PAGES.flatMap((page) =>
    [...withoutCode(read(page)).matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)/g)].flatMap(
      ([link, path = '', anchor]) => {
        const target = path === '' ? page : join(page, '..', path)
        const isThere = statSync(join(ROOT, target), { throwIfNoEntry: false })
        if (!isThere) return [`${page}: ${link}`]
        return anchor === undefined || anchorsOf(target).includes(anchor) ? [] : [`${page}: ${link}`]
      },
    ),
  )
  expect(broken).toEqual([])
})
