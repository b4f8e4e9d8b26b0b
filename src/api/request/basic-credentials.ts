export type BasicCredentials = { userId: string; password: string }

const BASIC = /^basic +([a-z0-9+/]+)={0,2} *$/i
const CONTROL = /\p{Cc}/u

/** The credentials of an Authorization header by RFC 7617 in UTF-8; null when it has none, or unreadable ones. */
export const parseBasic = (header: string): BasicCredentials | null => {
  const token = BASIC.exec(header)?.[1]
  const pair = token === undefined ? null : decode(token)
  if (pair === null || CONTROL.test(pair)) return null
  const colon = pair.indexOf(':')
  return colon < 0 ? null : { userId: pair.slice(0, colon), password: pair.slice(colon + 1) }
}

/** The text in a Base64 without its padding. */
const decode = (token: string): string | null => {
  const bytes = Buffer.from(token, 'base64')
  // What Node.js reads over (bits or letters too many) is no Base64 to others.
  if (!bytes.toString('base64').startsWith(token)) return null
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return null
  }
}
