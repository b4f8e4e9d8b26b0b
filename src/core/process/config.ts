import { readFileSync } from 'node:fs'
import * as v from 'valibot'
import { unknownNames } from './known-names.ts'

export type Environment = Record<string, string | undefined>

/** A budget of `max` events in any window of `seconds`. */
export type Budget = { max: number; seconds: number }

export class ConfigError extends Error {
  override name = 'ConfigError' as const
}

/**
 * Reads the variables that `entries` names; `NAME_FILE` gives the path of a file that holds the value of `NAME`.
 * Throws one `ConfigError` that names every faulty variable and what is wrong with it, never its value. A misspelt limit
 * would be no limit, so unknown `LIMIT_…` and `CODE_…` names are faults.
 */
export const readConfig = <const Entries extends v.ObjectEntries>(
  entries: Entries,
  environment: Environment,
): v.InferOutput<v.ObjectSchema<Entries, undefined>> => {
  const faults = unknownNames(environment, 'LIMIT_', 'CODE_').map((name) => `${name}: is not known; is it misspelt?`)
  const given: Environment = {}
  for (const name of Object.keys(entries)) {
    const read = readVariable(name, environment)
    given[name] = read.value
    if (read.fault !== undefined) faults.push(read.fault)
  }
  const result = v.safeParse(v.object(entries), given)
  for (const issue of result.issues ?? []) {
    const name = v.getDotPath(issue) ?? '?'
    if (!faults.some((fault) => fault.startsWith(`${name}:`) || fault.startsWith(`${name}_FILE:`)))
      faults.push(`${name}: ${issue.message}`)
  }
  if (faults.length > 0 || !result.success) {
    throw new ConfigError(
      `The configuration is not complete. Correct these variables and start again:\n${faults.map((fault) => `  ${fault}`).join('\n')}`,
    )
  }
  return result.output
}

type Read = { value?: string | undefined; fault?: string }

const readVariable = (name: string, environment: Environment): Read => {
  const [own, file] = [environment[name], environment[`${name}_FILE`]]
  if (own && file) return { fault: `${name}: must not be given together with ${name}_FILE` }
  if (!file) return { value: bare(own) }
  try {
    return { value: bare(readFileSync(file, 'utf8')) }
  } catch (error) {
    return {
      fault: `${name}_FILE: cannot be read (${error instanceof Error && 'code' in error ? error.code : 'error'})`,
    }
  }
}

/** Editors put a byte order mark before a value and a line end behind it. Undefined when nothing else is there. */
const bare = (value: string | undefined): string | undefined =>
  value?.replace(/^\uFEFF/, '').replace(/(?:\r?\n)+$/, '') || undefined

const UNIT_SECONDS = { s: 1, m: 60, h: 3600, d: 86_400 }
const MAX_SECONDS = 10 * 365 * 86_400

/** Schema of a required variable. */
export const text = (wanted = 'must be set') => v.pipe(v.string(wanted), v.nonEmpty(wanted))

/** Schema of a whole number from `min` to `max`. */
export const wholeNumber = (min: number, max: number) =>
  v.pipe(
    v.string(),
    v.regex(/^\d{1,10}$/, `must be a whole number from ${min} to ${max}`),
    v.transform(Number),
    v.minValue(min, `must be a whole number from ${min} to ${max}`),
    v.maxValue(max, `must be a whole number from ${min} to ${max}`),
  )

/** Schema of an http or https URL, or of another protocol that `protocols` names. */
export const url = (...protocols: string[]) =>
  v.pipe(
    v.string('must be set'),
    v.check(
      (value) => protocols.includes(URL.parse(value)?.protocol ?? ''),
      `must be a URL that begins with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}`,
    ),
  )

/** Schema of a duration such as `90s`, `15m`, `1h` or `2d`; gives seconds. */
export const duration = v.pipe(
  v.string(),
  v.check((value) => secondsOf(value) !== null, 'must be a duration such as 90s, 15m, 1h or 2d'),
  v.transform((value) => secondsOf(value) ?? 0),
)

/** Schema of `N/window[,N/window]` or `off`; gives the budgets, none for `off`. */
export const budgets = v.pipe(
  v.string(),
  v.check((value) => budgetsOf(value) !== null, 'must be budgets of different windows such as 20/1h,60/24h, or off'),
  v.transform((value) => budgetsOf(value) ?? []),
)

const secondsOf = (value: string): number | null => {
  const [, amount, unit] = /^(\d{1,9})([smhd])$/.exec(value) ?? []
  if (amount === undefined || (unit !== 's' && unit !== 'm' && unit !== 'h' && unit !== 'd')) return null
  const seconds = Number(amount) * UNIT_SECONDS[unit]
  return seconds > 0 && seconds <= MAX_SECONDS ? seconds : null
}

const budgetsOf = (value: string): Budget[] | null => {
  if (value === 'off') return []
  const parsed = value.split(',').map((part) => {
    const [, max, window] = /^\s*(\d{1,9})\/(\S+)\s*$/.exec(part) ?? []
    const seconds = secondsOf(window ?? '')
    return max === undefined || Number(max) < 1 || seconds === null ? null : { max: Number(max), seconds }
  })
  const windows = new Set(parsed.map((budget) => budget?.seconds))
  return parsed.every((budget) => budget !== null) && windows.size === parsed.length ? parsed : null
}
