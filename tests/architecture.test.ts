import { globSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '..')
const MOST_FILES_IN_A_ROOM = 12
const IMPORT = /(?:\bfrom|\bimport)\s*\(?\s*'([^']+)'/g

type Source = { file: string; text: string; files: string[]; packages: string[] }

const packageOf = (specifier: string) =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')

const read = (file: string, without?: RegExp): Source => {
  const all = readFileSync(join(ROOT, file), 'utf8')
  const text = without ? all.replaceAll(without, '') : all
  const imports = [...text.matchAll(IMPORT)].map(([, specifier = '']) => specifier)
  return {
    file,
    text,
    files: imports
      .filter((name) => name.startsWith('.'))
      .map((name) => relative(ROOT, resolve(ROOT, dirname(file), name))),
    packages: imports.filter((name) => !name.startsWith('.') && !name.startsWith('node:')).map(packageOf),
  }
}

const sources = globSync('src/**/*.ts', { cwd: ROOT }).map((file) => read(file))
const inside = (file: string, folder: string) => file.startsWith(`src/${folder}/`)

/** Each file that imports the package, outside of the places that may. */
const strangers = (name: string, ...homes: string[]) =>
  sources
    .filter(({ file, packages }) => packages.includes(name) && !homes.some((home) => file.startsWith(`src/${home}`)))
    .map(({ file }) => file)

test('the sources are found', () => {
  expect(sources.length).toBeGreaterThan(50)
  expect(sources.flatMap(({ files }) => files).length).toBeGreaterThan(100)
})

test('imports point to core, and api and worker do not know each other', () => {
  const wrong = sources.flatMap(({ file, files }) =>
    files
      .filter(
        (target) =>
          (inside(file, 'core') && !inside(target, 'core')) ||
          (inside(file, 'api') && inside(target, 'worker')) ||
          (inside(file, 'worker') && inside(target, 'api')) ||
          !target.startsWith('src/'),
      )
      .map((target) => `${file} -> ${target}`),
  )
  expect(wrong).toEqual([])
})

/** All that a file imports, over others. */
const reach = (next: Map<string, string[]>, from: string, seen = new Set<string>()): Set<string> => {
  for (const target of next.get(from) ?? []) if (!seen.has(target)) reach(next, target, seen.add(target))
  return seen
}

test('no file imports itself over others', () => {
  const next = new Map(sources.map(({ file, files }) => [file, files]))
  expect([...next.keys()].filter((file) => reach(next, file).has(file))).toEqual([])
})

test('no room is crowded', () => {
  const rooms = Map.groupBy(sources, ({ file }) => dirname(file))
  expect([...rooms].filter(([, files]) => files.length > MOST_FILES_IN_A_ROOM).map(([room]) => room)).toEqual([])
})

describe('a package has one home', () => {
  test.each([
    ['pg', ['core/postgres/']],
    ['node-pg-migrate', ['core/postgres/migrate.ts']],
    ['bullmq', ['worker/']],
    ['ioredis', ['worker/queue/backends/redis-clients.ts', 'worker/queue/backends/sentinel-connector.ts']],
    ['@node-rs/bcrypt', ['core/credentials/password.ts']],
    ['p-queue', ['core/credentials/hashing-queue.ts', 'worker/events/events.ts']],
    ['tr46', ['core/credentials/email-address.ts']],
    [
      'undici',
      [
        'core/process/http/egress.ts',
        'core/process/http/fetch-text.ts',
        'worker/providers/http-client.ts',
        'worker/events/receiver.ts',
      ],
    ],
    ['standardwebhooks', ['worker/events/receiver.ts', 'core/mail/providers/resend.ts']],
    ['aws4fetch', ['core/mail/providers/ses.ts']],
    ['pino', ['core/process/logger.ts']],
    ['@opentelemetry/api', ['core/process/telemetry/tracing.ts', 'core/process/telemetry/export-traces.ts']],
    ['@opentelemetry/core', ['core/process/telemetry/export-traces.ts']],
    ['@opentelemetry/sdk-trace', ['core/process/telemetry/export-traces.ts']],
    ['bullmq-otel', ['worker/queue/queue-telemetry.ts']],
    [
      'prom-client',
      [
        'core/process/telemetry/',
        'api/metrics.ts',
        'api/watch-hasher.ts',
        'worker/operators/metrics.ts',
        'worker/events/event-metrics.ts',
      ],
    ],
    ['rate-limiter-flexible', ['worker/operators/check-operator.ts']],
    ['ipaddr.js', ['core/process/http/client-network.ts']],
    ['jsonc-parser', ['core/process/exact-json.ts']],
    ['hono-openapi', ['api/']],
    ['@bull-board/api', ['worker/operators/bull-board.ts']],
    ['@bull-board/hono', ['worker/operators/bull-board.ts']],
  ])('%s', (name, homes) => {
    expect(sources.some(({ packages }) => packages.includes(name))).toBe(true)
    expect(strangers(name, ...homes)).toEqual([])
  })
})

test('a use case takes its tools and one request', () => {
  // The signature of an exported function that gives a promise, or values one by one.
  const USE_CASE =
    /^export (?:const|async function\*) (\w+)(?: = (?:async )?)?\(((?:(?!\): |=> \{).)+)\): (?:Promise|AsyncGenerator)</gms
  const withoutParts = (parameters: string): string => {
    const left = parameters.replaceAll('=>', '').replaceAll(/[({<[][^(){}<>[\]]*[)}>\]]/g, '')
    return left === parameters ? left : withoutParts(left)
  }
  const useCases = sources
    .filter(({ file }) => /^src\/core\/(?:registration|account|mail|events|postgres\/housekeeping)\b/.test(file))
    .flatMap(({ text }) => [...text.matchAll(USE_CASE)])
    .filter(([, , parameters = '']) => /^\s*(?:tools\b|\{ pool\b)/.test(parameters))
    .map(([, name, parameters = '']) => ({
      name,
      given: withoutParts(parameters)
        .split(',')
        .filter((part) => part.trim()),
    }))
  expect(useCases.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['register', 'activate', 'deliverMail', 'deliverEvent', 'exportAccounts', 'removeOldRows']),
  )
  expect(useCases.filter(({ given }) => given.length > 2)).toEqual([])
})

test('only main files and scripts read the environment and listen to signals', () => {
  const readers = sources.filter(({ text }) => /process\.(env|on\()/.test(text)).map(({ file }) => file)
  expect(readers.toSorted()).toEqual([
    'src/api/main.ts',
    'src/core/process/lifecycle.ts',
    'src/worker/account.ts',
    'src/worker/main.ts',
    'src/worker/trace-mail.ts',
  ])
})

test('the wall clock is asked only where a time of others is read, and never for a pause', () => {
  const readers = sources.filter(({ text }) => /\bDate\.now\b/.test(text)).map(({ file }) => file)
  expect(readers.toSorted()).toEqual([
    'src/core/account/read-import-line.ts',
    'src/core/mail/providers/aws/credentials.ts',
    'src/core/mail/providers/report.ts',
    'src/worker/providers/judge-answer.ts',
    'src/worker/providers/retry-after.ts',
    'src/worker/queue/offer-rows.ts',
  ])
})

test('no route but those of the account reaches a statement that looks an address up', () => {
  // Types are erased, and reach nothing.
  const next = new Map(sources.map(({ file }) => [file, read(file, /^import type .*$/gm).files]))
  const lookUps = sources
    .filter(({ file, text }) => inside(file, 'core') && /\bemail = \$/.test(text))
    .map(({ file }) => file)
  expect(lookUps).toContain('src/core/postgres/accounts/accounts.ts')
  const routes = sources.map(({ file }) => file).filter((file) => inside(file, 'api/routes'))
  expect(routes.filter((route) => lookUps.some((lookUp) => reach(next, route).has(lookUp))).toSorted()).toEqual([
    'src/api/routes/change-password.ts',
    'src/api/routes/delete-account.ts',
    'src/api/routes/read-account.ts',
  ])
})

test('statements stand in core/postgres only', () => {
  const SQL = /[`']\s*(?:select\s|insert into\s|update \w+\s+set\s|delete from\s|with \w+ as\s)/i
  expect(
    sources.filter(({ file, text }) => SQL.test(text) && !inside(file, 'core/postgres')).map(({ file }) => file),
  ).toEqual([])
})
