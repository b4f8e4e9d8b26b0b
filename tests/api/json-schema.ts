import * as v from 'valibot'

const schemaOf = v.looseObject({
  type: v.optional(v.union([v.string(), v.array(v.string())])),
  enum: v.optional(v.array(v.unknown())),
  const: v.optional(v.unknown()),
  pattern: v.optional(v.string()),
  format: v.optional(v.string()),
  minimum: v.optional(v.number()),
  minLength: v.optional(v.number()),
  maxLength: v.optional(v.number()),
  allOf: v.optional(v.array(v.unknown()), []),
  oneOf: v.optional(v.array(v.unknown())),
  required: v.optional(v.array(v.string()), []),
  properties: v.optional(v.record(v.string(), v.unknown()), {}),
  additionalProperties: v.optional(v.unknown(), true),
  items: v.optional(v.unknown()),
  anyOf: v.optional(v.array(v.unknown())),
})
type Schema = v.InferOutput<typeof schemaOf>

const NOTES = ['description', 'examples', 'title', '$schema']
const FORMATS: Record<string, RegExp> = {
  uuid: /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i,
  password: /^/,
  email: /^[^@\s]{1,64}@[^@\s]+$/,
  'date-time': /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/,
}

/**
 * What is wrong with a value under a JSON Schema of the OpenAPI document, one line a fault. It knows the keywords that the
 * document uses, and calls any other a fault.
 */
export const schemaFaults = (raw: unknown, value: unknown, at = '#'): string[] => {
  const schema = v.parse(schemaOf, raw)
  const known = new Set([...Object.keys(schemaOf.entries), ...NOTES])
  return [
    ...Object.keys(schema).flatMap((key) => (known.has(key) ? [] : [`${at}: unknown keyword ${key}`])),
    ...scalarFaults(schema, value, at),
    ...memberFaults(schema, value, at),
    ...anyOfFaults(schema.anyOf, value, at),
    ...oneOfFaults(schema.oneOf, value, at),
    ...schema.allOf.flatMap((part) => schemaFaults(part, value, at)),
  ]
}

const scalarFaults = (schema: Schema, value: unknown, at: string): string[] => {
  const faults: string[] = []
  const types = schema.type === undefined ? [] : [schema.type].flat()
  if (types.length > 0 && !typesOf(value).some((type) => types.includes(type))) faults.push(`${at}: is no ${types}`)
  if (schema.enum && !schema.enum.includes(value)) faults.push(`${at}: is none of ${schema.enum}`)
  if ('const' in schema && schema.const !== value) faults.push(`${at}: is not ${schema.const}`)
  if (typeof value === 'number' && value < (schema.minimum ?? value)) faults.push(`${at}: is less than the minimum`)
  if (typeof value !== 'string') return faults
  const length = [...value].length
  if (length < (schema.minLength ?? 0) || length > (schema.maxLength ?? length))
    faults.push(`${at}: has ${length} characters`)
  if (schema.pattern && !new RegExp(schema.pattern, 'u').test(value)) faults.push(`${at}: is not ${schema.pattern}`)
  if (schema.format && !FORMATS[schema.format]?.test(value)) faults.push(`${at}: is no ${schema.format}`)
  return faults
}

const memberFaults = (schema: Schema, value: unknown, at: string): string[] => {
  if (Array.isArray(value))
    return schema.items ? value.flatMap((item, index) => schemaFaults(schema.items, item, `${at}/${index}`)) : []
  if (typeof value !== 'object' || value === null) return []
  const members = new Map(Object.entries(value))
  return [
    ...schema.required.flatMap((name) => (members.has(name) ? [] : [`${at}/${name}: is missing`])),
    ...[...members].flatMap(([name, member]) => {
      if (Object.hasOwn(schema.properties, name)) return schemaFaults(schema.properties[name], member, `${at}/${name}`)
      return schema.additionalProperties === false ? [`${at}/${name}: is unknown`] : []
    }),
  ]
}

const oneOfFaults = (oneOf: unknown[] | undefined, value: unknown, at: string): string[] => {
  const fitting = (oneOf ?? []).filter((option) => schemaFaults(option, value, at).length === 0).length
  return oneOf === undefined || fitting === 1 ? [] : [`${at}: fits ${fitting} of one`]
}

const anyOfFaults = (anyOf: unknown[] | undefined, value: unknown, at: string): string[] => {
  const faults = (anyOf ?? []).map((option) => schemaFaults(option, value, at))
  return faults.some((list) => list.length === 0) ? [] : faults.flat()
}

const typesOf = (value: unknown): string[] => {
  if (value === null) return ['null']
  if (Array.isArray(value)) return ['array']
  return Number.isInteger(value) ? ['number', 'integer'] : [typeof value]
}

/** The same document with what is named by a `$ref` in the place of its name. */
export const resolveReferences = (document: unknown, value: unknown = document): unknown => {
  if (Array.isArray(value)) return value.map((item) => resolveReferences(document, item))
  if (typeof value !== 'object' || value === null) return value
  if ('$ref' in value && typeof value.$ref === 'string')
    return resolveReferences(document, targetOf(document, value.$ref))
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, resolveReferences(document, member)]))
}

/** What a reference such as `#/components/schemas/User` names in the document; undefined when there is no such thing. */
export const targetOf = (document: unknown, reference: string): unknown => {
  let target: unknown = document
  for (const segment of reference.replace(/^#\//, '').split('/'))
    target = v.parse(v.record(v.string(), v.unknown()), target)[segment.replaceAll('~1', '/').replaceAll('~0', '~')]
  return target
}
