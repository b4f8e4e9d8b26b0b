export type Manifest = {
  dependencies: Record<string, string>
  devDependencies: Record<string, string>
  allowScripts: Record<string, boolean>
}

export type LockedPackage = {
  version?: string
  license?: string
  integrity?: string
  dev?: boolean
  hasInstallScript?: boolean
}

export type Lock = { packages: Record<string, LockedPackage> }

/** Licences that ask for no more than their text and the names in it. */
const LICENCES = new Set([
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'CC0-1.0',
  'ISC',
  'MIT',
  'MIT-0',
  'Unlicense',
])

/** Of what only builds and tests with us, and goes nowhere. */
const LICENCES_OF_TOOLS = new Set([
  ...LICENCES,
  '(BSD-3-Clause AND Apache-2.0)',
  'CC-BY-4.0',
  'MIT License',
  'MPL-2.0',
  'MIT OR Apache-2.0',
  '(MIT OR CC0-1.0)',
  'Python-2.0',
])

/** What names no licence in its manifest but brings the text of one: MIT, read in the packages themselves. */
const LICENSED_BY_TEXT = new Set(['@getbrevo/brevo', 'reserved'])

const EXACT_VERSION = /^\d+\.\d+\.\d+(?:-[\w.]+)?$/

/** What is wrong with the packages that we ask for and those that come with them; all from our own two files. */
export const findSupplyChainFaults = (manifest: Manifest, lock: Lock): string[] => [
  ...findLooseVersions(manifest),
  ...packagesOf(lock).flatMap(([name, locked]) => [
    ...findLicenceFault(name, locked),
    ...findScriptFault(name, locked, manifest.allowScripts),
    ...findIntegrityFault(name, locked),
  ]),
]

const findLooseVersions = ({ dependencies, devDependencies }: Manifest): string[] =>
  Object.entries({ ...dependencies, ...devDependencies })
    .filter(([, version]) => !EXACT_VERSION.test(version))
    .map(([name, version]) => `${name} is asked for as ${version}, which is no exact version`)

/** Every locked package but our own, by name; `dev` is set when only development needs it. */
export const packagesOf = (lock: Lock): [string, LockedPackage][] =>
  Object.entries(lock.packages)
    .filter(([path]) => path !== '')
    .map(([path, locked]) => [path.split('node_modules/').at(-1) ?? path, locked])

const findLicenceFault = (name: string, { license, dev }: LockedPackage): string[] =>
  (dev && LICENSED_BY_TEXT.has(name)) || (license !== undefined && (dev ? LICENCES_OF_TOOLS : LICENCES).has(license))
    ? []
    : [`${name} has the licence ${license ?? '(none)'}, which nobody has looked at`]

/** npm runs no script that is not allowed by name; production needs none at all. */
const findScriptFault = (name: string, locked: LockedPackage, allowed: Manifest['allowScripts']): string[] => {
  if (!locked.hasInstallScript || locked.dev || allowed[name] === false) return []
  return [`${name} has an install script, comes into production and is not refused in allowScripts`]
}

// Builds for other platforms than ours, which the registry that the lock file was made with does not have.
const NOT_SERVED = /^@node-rs\/bcrypt-(?!linux-x64-gnu$)/

/** What has no checksum could be anything tomorrow. */
const findIntegrityFault = (name: string, { version, integrity }: LockedPackage): string[] =>
  integrity?.startsWith('sha512-') || NOT_SERVED.test(name)
    ? []
    : [
        `${name}@${version ?? '?'} has no checksum in the lock file: remove its entry and run npm install --package-lock-only`,
      ]
