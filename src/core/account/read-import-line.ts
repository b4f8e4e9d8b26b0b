import * as v from 'valibot'
import { parseEmailAddress } from '../credentials/email-address.ts'
import { parseHash } from '../credentials/password-hash.ts'
import { isLanguageTag } from '../mail/writing/languages.ts'
import { namesMemberTwice, parseJson } from '../process/exact-json.ts'
import { findMetadataFault, type Metadata } from '../registration/metadata.ts'

const MAX_LENGTH = 16_384
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)$/
// A clock of theirs that is ahead of ours is no fault.
const AHEAD_MS = 86_400_000

const string = (name: string) => v.string(`${name} must be a string`)

const lineSchema = v.strictObject({
  email: v.pipe(
    string('email'),
    v.check((value) => parseEmailAddress(value) !== null, 'email must be an e-mail address'),
    v.transform((value) => parseEmailAddress(value) ?? ''),
  ),
  activatedAt: v.pipe(
    string('activatedAt'),
    v.check((value) => isPastTime(value), 'activatedAt must be a past time of ISO 8601 with its offset'),
    v.transform((value) => new Date(value).toISOString()),
  ),
  passwordHash: string('passwordHash'),
  scheme: v.picklist(['latchkey', 'bcrypt'], 'scheme must be latchkey or bcrypt'),
  locale: v.optional(v.pipe(string('locale'), v.check(isLanguageTag, 'locale must be a language tag of BCP 47'))),
  metadata: v.optional(
    v.custom<Metadata>(
      (value) => findMetadataFault(value) === null,
      (issue) => `metadata ${findMetadataFault(issue.input)}`,
    ),
  ),
})

export type ImportLine = v.InferOutput<typeof lineSchema>

/** Reads one line of an import, or gives what is wrong with it, without a value of it. */
export const readImportLine = (line: string): ImportLine | { fault: string } => {
  if (line.length > MAX_LENGTH) return { fault: `is longer than ${MAX_LENGTH} characters` }
  // Files that were put together have byte order marks in between.
  const text = line.replace(/^\uFEFF/, '')
  const value = parseJson(text)
  if (value === undefined) return { fault: 'is not JSON' }
  if (namesMemberTwice(text)) return { fault: 'names a member twice' }
  const result = v.safeParse(lineSchema, value)
  if (!result.success) return { fault: faultOf(result.issues[0]) }
  const hash = parseHash(result.output.passwordHash)
  if (hash === null) return { fault: 'passwordHash must be a hash of its scheme, of a cost from 4 to 15' }
  if (hash.scheme !== result.output.scheme) return { fault: 'passwordHash is a hash of the other scheme' }
  return result.output
}

// Nobody registered before; and PostgreSQL knows no year 0.
const SINCE_MS = Date.UTC(1970)

const isPastTime = (value: string): boolean => {
  const at = TIME.test(value) ? Date.parse(value) : Number.NaN
  return at >= SINCE_MS && at <= Date.now() + AHEAD_MS && isDay(value.slice(0, 10))
}

/** To JavaScript the 30th of February is the 1st of March. */
const isDay = (date: string): boolean => new Date(date).toISOString().startsWith(date)

const faultOf = (issue: v.BaseIssue<unknown>): string => {
  if (issue.type !== 'strict_object') return issue.message
  const name = issue.path?.[0]?.key
  if (name === undefined) return 'is not a JSON object'
  return issue.expected === 'never' ? 'has a member that is not known' : `has no ${String(name)}`
}
