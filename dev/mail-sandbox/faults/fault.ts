import * as v from 'valibot'

const times = v.optional(v.pipe(v.number(), v.integer(), v.minValue(1)))
const headerValue = v.pipe(v.string(), v.regex(/^[\x21-\x7e](?:[\x20-\x7e]{0,98}[\x21-\x7e])?$/, 'not a header value'))
// A 304 has no body and a 2xx would be a promise that the mail was taken.
const status = v.pipe(v.number(), v.integer(), v.minValue(300), v.maxValue(599), v.notValue(304))

export const faultSchema = v.variant('kind', [
  v.strictObject({ kind: v.literal('status'), status, times, retryAfter: v.optional(headerValue) }),
  // A documented error of the provider, by its name in the facts about it (`account-pending`).
  v.strictObject({ kind: v.literal('error'), error: v.pipe(v.string(), v.regex(/^[a-z-]{1,60}$/)), times }),
  v.strictObject({
    kind: v.literal('latency'),
    ms: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(600_000)),
    times,
  }),
  v.strictObject({ kind: v.literal('hang'), times }),
  v.strictObject({ kind: v.literal('silent'), times }),
  v.strictObject({ kind: v.literal('reset'), times }),
  v.strictObject({
    kind: v.literal('refuse'),
    seconds: v.pipe(v.number(), v.minValue(1), v.maxValue(300)),
  }),
])

export type Fault = v.InferOutput<typeof faultSchema>

/** What a single request can meet; `refuse` happens to the whole socket. */
export type RequestFault = Exclude<Fault, { kind: 'refuse' }>
