import { readdirSync } from 'node:fs'
import { basename } from 'node:path'
import type { ProviderFacts } from './facts.ts'

const load = async (name: string): Promise<[string, ProviderFacts]> => {
  const fixture: { facts: ProviderFacts } = await import(`../providers/${name}.ts`)
  return [name, fixture.facts]
}

const names = readdirSync(new URL('../providers', import.meta.url)).map((file) => basename(file, '.ts'))

/** One fixture for each provider, in the file of its name. */
export const fixtures: ReadonlyMap<string, ProviderFacts> = new Map(await Promise.all(names.map(load)))

export function factsOf(provider: string): ProviderFacts {
  const facts = fixtures.get(provider)
  if (!facts) throw new Error(`dev/mail-sandbox/providers/${provider}.ts is missing`)
  return facts
}
