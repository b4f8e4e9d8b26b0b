import { randomUUID } from 'node:crypto'
import { chooseLanguage, type Languages } from '../mail/writing/languages.ts'
import { type ImportedAccount, insertAccounts } from '../postgres/accounts/support.ts'
import type { Pool } from '../postgres/pool.ts'
import { createPublicRef } from '../registration/public-ref.ts'
import { type ImportLine, readImportLine } from './read-import-line.ts'

const BATCH = 1000

export type ImportCounts = { lines: number; imported: number; alreadyActive: number; faulty: number }

/** `fault` is told what is wrong with a line, `progress` the counts after each batch. */
export type ImportRequest = {
  lines: AsyncIterable<string>
  fault(line: number, fault: string): void
  progress(counts: ImportCounts): void
}

/**
 * Takes in accounts, one a line of JSON, a thousand in a statement. A faulty line stops nothing else; an address that is active already
 * is left alone; pending registrations of an address stay, and can never be activated. Whatever was committed before a stop is found active
 * by the next run of the same file. Raises no events.
 */
export const importAccounts = async (
  tools: { pool: Pool; languages: Languages },
  { lines, ...report }: ImportRequest,
): Promise<ImportCounts> => {
  const counts = { lines: 0, imported: 0, alreadyActive: 0, faulty: 0 }
  let batch: ImportedAccount[] = []
  const flush = async () => {
    const imported = await insertAccounts(tools.pool, batch)
    counts.imported += imported
    counts.alreadyActive += batch.length - imported
    batch = []
  }
  for await (const text of lines) {
    counts.lines += 1
    if (text.trim() === '') continue
    const line = readImportLine(text)
    if ('fault' in line) {
      counts.faulty += 1
      report.fault(counts.lines, line.fault)
    } else batch.push(asAccount(line, tools.languages))
    if (batch.length < BATCH) continue
    await flush()
    report.progress(counts)
  }
  await flush()
  return counts
}

const asAccount = ({ email, activatedAt, passwordHash, locale, metadata = {} }: ImportLine, languages: Languages) => ({
  ...{ id: randomUUID(), email, passwordHash, activatedAt, ref: createPublicRef() },
  locale: chooseLanguage(languages, locale === undefined ? [] : [locale]),
  metadata: JSON.stringify(metadata),
})
