import type { Environment } from '../../src/core/process/config.ts'

/** The names of the variables that a configuration asks for, those of files too. */
export const namesReadBy = (read: (environment: Environment) => unknown): Set<string> => {
  const names = new Set<string>()
  const environment: Environment = new Proxy({}, { get: (_, name) => void names.add(String(name)) })
  try {
    read(environment)
  } catch {
    // What is missing does not matter here.
  }
  return names
}
