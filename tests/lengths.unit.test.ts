import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parseAst } from 'vitest/node'

const ROOT = join(import.meta.dirname, '..')
const MOST_LINES_IN_A_FILE = 200
// Biome holds those of the service, the bench and most of dev at 40, without their blank lines.
const MOST_LINES_IN_A_FUNCTION = 45

const sources = globSync('{bench,db,dev,src,tests}/**/*.{js,ts}', { cwd: ROOT }).map((file) => ({
  file,
  text: readFileSync(join(ROOT, file), 'utf8'),
}))
const linesOf = (text: string): number => text.trimEnd().split('\n').length

type Node = { type: string; start: number; end: number }

const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && 'type' in value && 'start' in value && 'end' in value

/** The texts of all functions, with those inside of them, but for what `describe` is given: it only holds tests together. */
const functionsIn = (text: string): string[] => {
  const textOf = ({ start, end }: Node) => text.slice(start, end)
  const isGroup = (call: object) => 'callee' in call && isNode(call.callee) && /^describe/.test(textOf(call.callee))
  const visit = (value: unknown, parent: object): string[] => {
    if (Array.isArray(value)) return value.flatMap((each) => visit(each, parent))
    if (!isNode(value)) return []
    const isFunction = /^(?:Arrow)?Function(?:Expression|Declaration)$/.test(value.type)
    const inside = Object.values(value).flatMap((child) => visit(child, value))
    return isFunction && !isGroup(parent) ? [textOf(value), ...inside] : inside
  }
  return visit(parseAst(text, { lang: 'ts' }), {})
}

test('no file is long', () => {
  expect(sources.length).toBeGreaterThan(500)
  expect(sources.filter(({ text }) => linesOf(text) > MOST_LINES_IN_A_FILE).map(({ file }) => file)).toEqual([])
})

test('every function is found, with those inside of it, and describe is looked into', () => {
  const text = `describe.each([1])('%s', () => {
    test('a test', async () => {
      const inner = (one: number) => one
    })
    function declared(): void {}
    const object = { method() {}, named: function () {} }
  })`
  expect(functionsIn(text).map((found) => found.split('\n')[0])).toEqual([
    'async () => {',
    '(one: number) => one',
    'function declared(): void {}',
    '() {}',
    'function () {}',
  ])
})

test('no function is long', () => {
  const functions = sources.flatMap(({ file, text }) => functionsIn(text).map((found) => ({ file, found })))
  expect(functions.length).toBeGreaterThan(3000)
  const long = functions.filter(({ found }) => linesOf(found) > MOST_LINES_IN_A_FUNCTION)
  expect(long.map(({ file, found }) => `${file}: ${linesOf(found)} lines: ${found.split('\n')[0]}`)).toEqual([])
})
