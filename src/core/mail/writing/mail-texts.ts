import { hash } from 'node:crypto'
import { ConfigError } from '../../process/config.ts'
import type { Logger } from '../../process/logger.ts'
import type { OutgoingMail } from '../mailer.ts'
import { findTemplateFaults, render } from './check-template.ts'
import { chooseLanguage, type Languages, languagesOf } from './languages.ts'
import { PARTS, type Part, readTemplates, type Templates } from './read-templates.ts'
import { validityIn } from './validity.ts'

/** `locale` is the language that was chosen for the person; when it is gone another is. */
export type MailFacts = { to: string; ref: string; locale: string }

/** The texts of the mails in all languages. The same facts give the same bytes. */
export type MailTexts = {
  languages: Languages
  /** Folders of languages that have not all texts, and are not used. */
  incomplete: string[]
  /** Of all texts: with the same one the same facts give the same bytes, also in another process. */
  fingerprint: string
  /** The mail that brings a code. */
  codeMail(facts: MailFacts & { code: string }): OutgoingMail
  /** The mail to the owner of an account whose address somebody registered again. It brings no code. */
  noticeMail(facts: MailFacts): OutgoingMail
}

/** `folder` has texts of the operator's own. */
export type TextSettings = {
  serviceName: string
  defaultLocale: string
  folder?: string | undefined
  ttlSeconds: number
}

/** Reads all texts and tries them. Throws `ConfigError` that names each fault with its file and line. */
export const createMailTexts = (settings: TextSettings): MailTexts => {
  const { languages: templates, incomplete } = readTemplates(settings.folder)
  const faults = [...templates.values()].flatMap((parts) =>
    PARTS.flatMap((part) => findTemplateFaults(part, parts[part], sample(settings))),
  )
  if (faults.length > 0)
    throw new ConfigError(
      `The texts of the mails cannot be used. Correct these and start again:\n${faults.map((fault) => `  ${fault}`).join('\n')}`,
    )
  const languages = languagesOf(settings.defaultLocale, [...templates.keys()])

  const write = (kind: 'code' | 'notice', { to, ref, locale }: MailFacts, code: string | null): OutgoingMail => {
    const language = chooseLanguage(languages, [locale])
    const own = templates.get(language)
    if (!own) throw new Error('a language without texts was chosen')
    const { serviceName, ttlSeconds } = settings
    const view = { serviceName, validity: validityIn(language, ttlSeconds), ref, email: to }
    const partOf = (part: Part) => render(part, sourceOf(own, part), view, code)
    return { to, subject: partOf(`${kind}.subject.txt`), text: partOf(`${kind}.txt`), html: partOf(`${kind}.html`) }
  }
  const codeMail = ({ code, ...facts }: MailFacts & { code: string }) => write('code', facts, code)
  const noticeMail = (facts: MailFacts) => write('notice', facts, null)
  const texts = { languages, incomplete, codeMail, noticeMail }
  let fingerprint: string | undefined
  return {
    ...texts,
    // Only a worker asks for it.
    get fingerprint() {
      fingerprint ??= hash('sha256', JSON.stringify([settings.defaultLocale, renderSamples(texts, WITH_ALL_TO_ESCAPE)]))
      return fingerprint
    },
  }
}

// How an address is written is part of the bytes.
const WITH_ALL_TO_ESCAPE = `o'neil+"<&>"\`=/@example.com`

/** The same for a process, whose log names the languages that are not used. */
export const openMailTexts = (settings: TextSettings, logger: Logger): MailTexts => {
  const texts = createMailTexts(settings)
  const { incomplete } = texts
  if (incomplete.length > 0) logger.warn({ incomplete }, 'languages without all six texts of mails are not used')
  return texts
}

const sourceOf = (templates: Templates, part: Part): string => templates[part].source

const sample = ({ serviceName }: TextSettings) => ({
  serviceName,
  ref: 'K7QX',
  // Not in words of the language: an api, which writes no mail, need not have ICU's data of all languages in memory, 9 MB.
  validity: '1 minute',
  email: 'user@example.com',
})

export type SampleMail = { language: string; kind: 'code' | 'notice'; mail: OutgoingMail }

/** Every text in every language, to be looked at. */
export const renderSamples = (
  texts: Pick<MailTexts, 'languages' | 'codeMail' | 'noticeMail'>,
  to = 'user@example.com',
): SampleMail[] =>
  texts.languages.available.flatMap((language): SampleMail[] => {
    const facts = { to, ref: 'K7QX', locale: language }
    return [
      { language, kind: 'code', mail: texts.codeMail({ ...facts, code: '0427' }) },
      { language, kind: 'notice', mail: texts.noticeMail(facts) },
    ]
  })
