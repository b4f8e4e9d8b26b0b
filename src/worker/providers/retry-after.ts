const MAX_MS = 7 * 86_400_000
/** Who asks everybody to stay away is asked again after so long. */
export const MAX_FOR_EVERYBODY_MS = 10 * 60_000

/** Milliseconds to wait by a `Retry-After` field (RFC 9110, 10.2.3: seconds or a date); null when there is none to be read. */
export const readRetryAfter = (field: string | string[] | undefined, now = Date.now()): number | null => {
  const value = (Array.isArray(field) ? field[0] : field)?.trim() ?? ''
  const ms = /^\d+$/.test(value)
    ? Number(value) * 1000
    : /^[A-Z][a-z]{2}/.test(value)
      ? Date.parse(value) - now
      : Number.NaN
  return Number.isNaN(ms) ? null : Math.min(Math.max(ms, 0), MAX_MS)
}
