import { toASCII } from 'tr46'

const MAX_ADDRESS_LENGTH = 254
const ATOM = "[a-z0-9!#$%&'*+/=?^_`{|}~-]+"
const LOCAL_PART = new RegExp(`^(?=.{1,64}$)${ATOM}(?:\\.${ATOM})*$`, 'i')
const TOP_LEVEL_DOMAIN = /^(?:[a-z]{2,63}|xn--[a-z0-9-]{1,59})$/

/**
 * The one stored form of an address, lower-cased as a whole, its domain in A-labels; null when it is not an address
 * of our narrow grammar: RFC 5321's dot-string at a domain name with two labels or more (RFC 1123, UTS #46), ASCII before the @,
 * no quotes, comments, IP literals.
 */
export const parseEmailAddress = (typed: string): string | null => {
  const at = typed.lastIndexOf('@')
  const local = typed.slice(0, Math.max(at, 0))
  const domain = parseDomain(typed.slice(at + 1))
  if (!LOCAL_PART.test(local) || domain === null) return null
  const address = `${local.toLowerCase()}@${domain}`
  return address.length <= MAX_ADDRESS_LENGTH ? address : null
}

const parseDomain = (typed: string): string | null => {
  // Longer ones cannot fit, and are not worth the work of mapping them.
  if (typed.length > MAX_ADDRESS_LENGTH) return null
  const domain = toASCII(typed, {
    checkBidi: true,
    checkHyphens: true,
    checkJoiners: true,
    useSTD3ASCIIRules: true,
    verifyDNSLength: true,
  })
  const labels = domain?.split('.') ?? []
  return domain !== null && labels.length >= 2 && TOP_LEVEL_DOMAIN.test(labels.at(-1) ?? '') ? domain : null
}

const GMAIL = new Set(['gmail.com', 'googlemail.com'])

/**
 * The mailbox behind an address, for limits only, never for identity: without `+tag`, and without dots at Gmail,
 * which ignores them.
 */
export const mailboxOf = (address: string): string => {
  const at = address.lastIndexOf('@')
  const domain = address.slice(at + 1)
  const untagged = address.slice(0, at).replace(/(?<=.)\+.*$/, '')
  return GMAIL.has(domain) ? `${untagged.replaceAll('.', '')}@gmail.com` : `${untagged}@${domain}`
}

/** An address as a log may show it: `u…@example.com`. */
export const maskEmailAddress = (address: string): string => address.replace(/^(.).*(?=@)/, '$1…')
