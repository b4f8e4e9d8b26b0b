import { parseEmailAddress } from '../../../src/core/credentials/email-address.ts'

const LONGEST_WAIT_SECONDS = 300
const ID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/
const known = new Set(['to', 'wait', 'after'])

export type Question = { to: string; waitMs: number; after: string | null }

/** What `GET /mails` is asked for; a sentence where it cannot be read. */
export function readQuestion(url: string): Question | string {
  // A plus sign is one: addresses hold no spaces, and few callers encode it.
  const query = new URLSearchParams(new URL(url).search.replaceAll('+', '%2B'))
  const names = [...query.keys()]
  const unknown = names.find((name) => !known.has(name))
  if (unknown !== undefined) return `Unknown parameter \`${unknown}\`; there are to, wait and after.`
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) return `\`${twice}\` is given more than once.`
  const given = query.get('to')
  if (given === null) return '`to` is missing: the address whose newest mail you want.'
  const to = parseEmailAddress(given)
  if (to === null) return '`to` is not an e-mail address.'
  const wait = query.get('wait') ?? '0'
  if (!/^\d{1,6}(?:\.\d{1,6})?$/.test(wait) || Number(wait) > LONGEST_WAIT_SECONDS)
    return `\`wait\` must be a number of seconds from 0 to ${LONGEST_WAIT_SECONDS}.`
  const after = query.get('after')
  if (after !== null && !ID.test(after)) return '`after` must be the id of a mail.'
  return { to, waitMs: Number(wait) * 1000, after }
}
