import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as v from 'valibot'

const LOCK = join(import.meta.dirname, '../../package-lock.json')

const names = v.optional(v.record(v.string(), v.string()), {})
const entry = v.object({ dependencies: names, optionalDependencies: names })
const { packages } = v.parse(
  v.object({ packages: v.record(v.string(), entry) }),
  JSON.parse(readFileSync(LOCK, 'utf8')),
)

/**
 * The folders of the lock file's packages that production reaches. The marks of npm do not tell: what development and
 * production both ask for, and what only an optional peer does, are marked alike.
 */
export const productionPackages = (): Set<string> => {
  const found = new Set<string>()
  const follow = (path: string): void => {
    const wanted = packages[path]
    for (const name of Object.keys({ ...wanted?.dependencies, ...wanted?.optionalDependencies })) {
      const folder = resolve(path, name)
      if (folder === undefined || found.has(folder)) continue
      found.add(folder)
      follow(folder)
    }
  }
  follow('')
  return found
}

/** As Node looks for a package: in the folder itself, then in each one above. */
const resolve = (from: string, name: string): string | undefined => {
  const folder = `${from && `${from}/`}node_modules/${name}`
  if (packages[folder] || from === '') return packages[folder] && folder
  return resolve(from.slice(0, Math.max(0, from.lastIndexOf('/node_modules/'))), name)
}
