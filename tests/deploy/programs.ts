import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { readApiConfig } from '../../src/api/config.ts'
import { type Environment, readConfig } from '../../src/core/process/config.ts'
import { coreSettings } from '../../src/core/process/settings.ts'
import { queueSettings, readWorkerConfig } from '../../src/worker/config.ts'

/** How each program that is deployed reads its variables; `migrate` does it as db/migrate.ts. */
export const programs = {
  api: readApiConfig,
  worker: readWorkerConfig,
  migrate: (environment: Environment) => readConfig({ ...coreSettings, ...queueSettings }, environment),
}

export type Program = keyof typeof programs

export const programNames = ['api', 'worker', 'migrate'] as const satisfies Program[]

const secrets: Record<string, string> = {
  'database-url': 'postgres://latchkey:secret@postgres.example/latchkey',
  'redis-url': 'rediss://:secret@redis.example',
  'secret-key': 'a secret key that only the tests use',
  'mail-api-key': 'secret',
  'ops-password': 'secret',
}

/** The names of the secrets' files that the environment points to. */
export const secretsOf = (environment: Environment): string[] =>
  Object.entries(environment).flatMap(([name, path]) => (name.endsWith('_FILE') && path ? [basename(path)] : []))

/** Reads the program's configuration with a sample in place of each secret. Throws what the program would stop with. */
export const configure = <Name extends Program>(name: Name, environment: Environment) => {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-secrets-'))
  try {
    for (const secret of secretsOf(environment)) writeFileSync(join(folder, secret), secrets[secret] ?? '')
    const moved = Object.entries(environment).map(([variable, value]) =>
      variable.endsWith('_FILE') && value ? [variable, join(folder, basename(value))] : [variable, value],
    )
    return programs[name](Object.fromEntries(moved))
  } finally {
    rmSync(folder, { recursive: true })
  }
}
