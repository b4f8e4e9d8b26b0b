import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ConfigError } from '../../process/config.ts'
import { isLanguageTag, SHIPPED_LANGUAGES } from './languages.ts'

export const PARTS = [
  'code.subject.txt',
  'code.txt',
  'code.html',
  'notice.subject.txt',
  'notice.txt',
  'notice.html',
] as const

export type Part = (typeof PARTS)[number]
export type Template = { file: string; source: string }
export type Templates = Record<Part, Template>

const SHIPPED = join(import.meta.dirname, '../texts')

/**
 * The templates by language. What a language lacks in `folder` comes from the shipped ones; `incomplete` names the folders of
 * languages that are not shipped and lack something, which are no languages. Throws `ConfigError` when something cannot be read.
 */
export const readTemplates = (
  folder: string | undefined,
): { languages: Map<string, Templates>; incomplete: string[] } => {
  const languages = new Map(
    SHIPPED_LANGUAGES.map((language): [string, Partial<Templates>] => [language, readAll(SHIPPED, language)]),
  )
  for (const name of folder === undefined ? [] : namesIn(folder)) {
    const language = [...languages.keys()].find((known) => known.toLowerCase() === name.toLowerCase()) ?? name
    languages.set(language, { ...languages.get(language), ...readAll(folder ?? '', name) })
  }
  const complete = new Map(
    [...languages].flatMap(([name, templates]) => (isComplete(templates) ? [[name, templates]] : [])),
  )
  return { languages: complete, incomplete: [...languages.keys()].filter((name) => !complete.has(name)) }
}

const isComplete = (templates: Partial<Templates>): templates is Templates =>
  PARTS.every((part) => templates[part] !== undefined)

const namesIn = (folder: string): string[] =>
  orFault(folder, () => readdirSync(folder)).filter((name) => isLanguageTag(name))

const readAll = (folder: string, language: string): Partial<Templates> =>
  Object.fromEntries(
    PARTS.flatMap((part) => {
      const file = join(folder, language, part)
      const bytes = orFault(file, () => readIfThere(file))
      return bytes === null ? [] : [[part, { file, source: orFault(file, () => decode(bytes)) }]]
    }),
  )

const readIfThere = (file: string): Buffer | null => {
  try {
    return readFileSync(file)
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return null
    throw error
  }
}

const decode = (bytes: Buffer): string =>
  new TextDecoder('utf-8', { fatal: true }).decode(bytes).replace(/\r\n?/g, '\n')

const orFault = <Value>(file: string, read: () => Value): Value => {
  try {
    return read()
  } catch (error) {
    throw new ConfigError(`MAIL_TEMPLATES: ${file} cannot be read (${codeOf(error) ?? 'error'})`)
  }
}

const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined)
