import Mustache from 'mustache'
import type { Part, Template } from './read-templates.ts'

/** What can stand in a template, but for the code. */
export type Variables = { ref: string; validity: string; serviceName: string; email: string }

/** All digits of all scripts. */
const RUNS = /(?<!\p{Nd})(?:\p{Nd}{4}|\p{Nd}{8})(?!\p{Nd})/gu

/** What in a text could be taken for a code. */
export const runsOfDigits = (text: string): string[] => text.match(RUNS) ?? []

const SAMPLE_CODES = ['0427', '90172635']

/** What would be wrong with mails from this template, each fault with its file and, where there is one, its line. */
export const findTemplateFaults = (part: Part, { file, source }: Template, sample: Variables): string[] => {
  const faultAt = (at: number | null, fault: string) =>
    `${file}${at === null ? '' : `:${source.slice(0, at).split('\n').length}`}: ${fault}`
  const tags = tagsOf(source)
  if (typeof tags === 'string') {
    const [, fault = tags, at] = /^(.*?) at (\d+)$/.exec(tags) ?? []
    return [faultAt(at === undefined ? null : Number(at), `is not Mustache: ${fault}`)]
  }
  const wrong = tags.flatMap((tag) => {
    const fault = faultOf(part, tag)
    return fault === null ? [] : [faultAt(tag.at, fault)]
  })
  if (wrong.length > 0) return wrong
  const code = tags.find(({ name }) => name === 'code')
  const faults = SAMPLE_CODES.flatMap((digits) => faultsOfText(part, render(part, source, sample, digits), digits))
  return [...new Set(faults)].map((fault) =>
    faultAt(fault === NOT_ALONE ? (code?.at ?? null) : placeOf(fault, source), fault),
  )
}

type Tag = { kind: string; name: string; at: number }

/** The tags of a template; the parser's message when it is none. */
const tagsOf = (source: string): Tag[] | string => {
  try {
    return flatten(Mustache.parse(source))
  } catch (error) {
    return error instanceof Error ? error.message : 'cannot be read'
  }
}

const flatten = (spans: ReturnType<typeof Mustache.parse>): Tag[] =>
  spans.flatMap((span) => {
    const [kind, name, at] = span
    const inner = span.length > 4 && Array.isArray(span[4]) ? flatten(span[4]) : []
    return kind === 'text' || kind === '!' || kind === '=' ? inner : [{ kind, name: String(name), at }, ...inner]
  })

/** The variables of a part. `spokenCode` is the code with spaces between its digits, for screen readers. */
const variablesOf = (part: Part): string[] => {
  const isHtml = part.endsWith('.html')
  return [
    ...['ref', 'validity', 'serviceName'],
    ...(part.startsWith('code.') ? ['code', ...(isHtml ? ['spokenCode'] : [])] : []),
    ...(isHtml ? ['email'] : []),
  ]
}

const faultOf = (part: Part, { kind, name }: Tag): string | null => {
  if (kind === '>') return `{{>${name}}} would include another file, which is not possible`
  if (!variablesOf(part).includes(name))
    return `{{${name}}} is not a variable of this file: there are ${variablesOf(part).join(', ')}`
  return kind === '&' && part.endsWith('.html') ? `{{{${name}}}} would not be escaped: write {{${name}}}` : null
}

const NOT_ALONE = 'the code is not alone on its line'
const OTHER_RUN = 'another run of 4 or 8 digits looks like a code: '

const faultsOfText = (part: Part, text: string, code: string): string[] => {
  if (text.trim() === '') return ['is empty']
  if (part === 'code.html') return text.includes(code) ? [] : ['lacks {{code}}']
  if (part.endsWith('.html')) return []
  const lines = text.split('\n')
  const others = runsOfDigits(lines.filter((line) => line !== code).join('\n'))
  const strange = others.filter((run) => run !== code).map((run) => `${OTHER_RUN}${run}`)
  if (part !== 'code.txt') return strange
  if (!text.includes(code)) return ['lacks {{code}}', ...strange]
  return lines.filter((line) => line === code).length === 1 && !others.includes(code)
    ? strange
    : [NOT_ALONE, ...strange]
}

const placeOf = (fault: string, source: string): number | null => {
  const at = fault.startsWith(OTHER_RUN) ? source.indexOf(fault.slice(OTHER_RUN.length)) : -1
  return at < 0 ? null : at
}

// No-break spaces stay: French sets them before a colon.
const GAPS = /(?:[^\S\u00a0\u202f]|\p{Cc})+/gu

/** Gives a part of a mail. The subject is one line, and only HTML is escaped. */
export const render = (part: Part, source: string, variables: Variables, code: string | null): string => {
  const view = { ...variables, ...(code !== null && { code, spokenCode: [...code].join(' ') }) }
  if (part.endsWith('.html')) return Mustache.render(source, view)
  const text = Mustache.render(source, view, {}, { escape: String })
  return part.endsWith('.subject.txt') ? text.replace(GAPS, ' ').trim() : text
}
