import type { Context } from 'hono'
import { type Node, parseTree } from 'jsonc-parser'
import * as v from 'valibot'
import { RequestRefused } from '../answers/problems.ts'

// The charset of JSON is UTF-8 (RFC 8259); a parameter that says otherwise is believed, others mean nothing.
const CHARSET = /^\s*charset\s*=\s*"?([^"]*?)"?\s*$/i

/** Refuses a body that is not plain JSON, before any of it is read. */
export const checkMediaType = (c: Context): void => {
  const [type = '', ...parameters] = (c.req.header('content-type') ?? '').toLowerCase().split(';')
  const charset = parameters.map((parameter) => CHARSET.exec(parameter)?.[1]).find((value) => value !== undefined)
  const encoding = c.req.header('content-encoding')?.toLowerCase() ?? 'identity'
  const isPlainJson = type.trim() === 'application/json' && (charset ?? 'utf-8') === 'utf-8' && encoding === 'identity'
  if (!isPlainJson) throw new RequestRefused('unsupported-media-type')
}

/** Reads the body as the one JSON object that `schema` describes, or refuses the request. */
export const readBody = async <Schema extends v.GenericSchema>(
  c: Context,
  schema: Schema,
): Promise<v.InferOutput<Schema>> => {
  const result = v.safeParse(schema, parseObject(await c.req.arrayBuffer()))
  if (result.success) return result.output
  const errors = result.issues.map((issue) => ({ pointer: pointerOf(issue), detail: detailOf(issue) }))
  throw new RequestRefused('invalid-input', { members: { errors } })
}

const parseObject = (bytes: ArrayBuffer): unknown => {
  const text = decode(bytes)
  const value = text === null ? undefined : parseJson(text)
  if (text === null || value === undefined)
    throw new RequestRefused('malformed-request', { detail: 'The body is not JSON in UTF-8.' })
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new RequestRefused('malformed-request', { detail: 'The body is not a JSON object.' })
  // JSON.parse keeps the last of two members with one name; others keep the first, and so may be made to see another request.
  if (hasDuplicates(parseTree(text)))
    throw new RequestRefused('malformed-request', { detail: 'The body names a member twice.' })
  return value
}

const decode = (bytes: ArrayBuffer): string | null => {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return null
  }
}

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const hasDuplicates = (root: Node | undefined): boolean => {
  const open = root ? [root] : []
  for (let node = open.pop(); node; node = open.pop()) {
    const names = node.type === 'object' ? (node.children ?? []).map((property) => property.children?.[0]?.value) : []
    if (new Set(names).size !== names.length) return true
    open.push(...(node.children ?? []))
  }
  return false
}

const pointerOf = (issue: v.BaseIssue<unknown>): string => {
  const segments = (issue.path ?? []).map((item) => String(item.key).replaceAll('~', '~0').replaceAll('/', '~1'))
  return ['#', ...segments].join('/')
}

const detailOf = (issue: v.BaseIssue<unknown>): string => {
  if (issue.type !== 'strict_object') return issue.message
  return issue.expected === 'never' ? 'is not a member of this request' : 'is required'
}
