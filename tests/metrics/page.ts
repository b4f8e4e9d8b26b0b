import { readValue } from '../ops/metric-text.ts'
import { scrape } from '../ops/recording.ts'
import type { TestProgram } from '../support/processes.ts'

export type Labels = Record<string, string>

/** How much a series has grown since `before`; null when it is not there. */
export const growthOf = (before: string, after: string) => (name: string, labels?: Labels) => {
  const value = readValue(after, name, labels)
  return value === undefined ? null : value - (readValue(before, name, labels) ?? 0)
}

export const pageOf = async ({ opsUrl }: TestProgram): Promise<string> => (await scrape(opsUrl)) ?? 'no answer'
