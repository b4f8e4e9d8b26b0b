import pg from 'pg'

// Connection exceptions, too many connections, out of resources, shutting down, a statement that took too long, read-only after a
// failover, refused credentials, a database or tables that are not there yet, and others in the way again and again.
const UNAVAILABLE_STATE = /^(08|40001|40P01|53|57P|57014|25006|28|3D000|3F000|42P01)/
const UNAVAILABLE_CODE = /^E(CONN|TIMEDOUT|PIPE|HOSTUNREACH|NETUNREACH|NOTFOUND|AI_AGAIN|PROTO)/
const UNAVAILABLE_MESSAGE =
  /timeout exceeded when trying to connect|Query read timeout|Connection terminated|connection timeout|not queryable|Cannot use a pool after|does not support SSL/
// A certificate that is not to be trusted: expired, of another authority, or made out to another name.
const UNTRUSTED_CODE = /^(CERT_|ERR_TLS_|ERR_SSL_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_)/

/** Tells whether an error means that PostgreSQL cannot be reached or is unavailable, so that the same request may succeed later. */
export const isDatabaseUnavailable = (error: unknown): boolean => {
  if (error instanceof AggregateError) return error.errors.some(isDatabaseUnavailable)
  if (!(error instanceof Error)) return false
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  return (
    UNAVAILABLE_STATE.test(code) ||
    UNAVAILABLE_CODE.test(code) ||
    UNTRUSTED_CODE.test(code) ||
    UNAVAILABLE_MESSAGE.test(error.message)
  )
}

/** Tells whether another transaction was in the way: all was rolled back, and may well succeed the next time. */
export const isConflict = (error: unknown): boolean =>
  error instanceof pg.DatabaseError && (error.code === '40001' || error.code === '40P01')
