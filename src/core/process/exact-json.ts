import { parseTree } from 'jsonc-parser'

/** The value of a text; undefined when it is not JSON. A number that a double cannot hold is NaN. */
export const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text, exactNumbers)
  } catch {
    return undefined
  }
}

const exactNumbers = (_name: string, value: unknown, context?: { source?: string }): unknown =>
  typeof value === 'number' && !isExact(value, context?.source ?? '') ? Number.NaN : value

/** Whether the number that was written is the one that its double is written as. */
const isExact = (value: number, source: string): boolean =>
  Number.isFinite(value) && decimalOf(source) === decimalOf(String(value))

const NUMBER = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/i

/** One spelling for each decimal number: its digits without zeros around them, with the point before them, and an exponent. */
const decimalOf = (source: string): string => {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = NUMBER.exec(source) ?? []
  const digits = `${whole}${fraction}`.replace(/^0+/, '')
  const significant = digits.replace(/0+$/, '')
  if (significant === '') return '0'
  return `${sign}${significant}e${Number(exponent) - fraction.length + digits.length}`
}

/**
 * Whether an object in it has two members of one name. JSON.parse keeps the last of them; others keep the first, and so may be made to
 * see another request.
 */
export const namesMemberTwice = (text: string): boolean => {
  const root = parseTree(text)
  const open = root ? [root] : []
  for (let node = open.pop(); node; node = open.pop()) {
    const names = node.type === 'object' ? (node.children ?? []).map((property) => property.children?.[0]?.value) : []
    if (new Set(names).size !== names.length) return true
    open.push(...(node.children ?? []))
  }
  return false
}
