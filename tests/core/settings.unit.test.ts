import { expect, test } from 'vitest'
import { readConfig } from '../../src/core/process/config.ts'
import {
  codeSettings,
  coreSettings,
  egressSettings,
  eventSettings,
  listeningOf,
  listenSettings,
  proxySettings,
  textSettings,
  textSettingsOf,
  tracingSettings,
} from '../../src/core/process/settings.ts'

const SETTINGS = {
  ...coreSettings,
  ...codeSettings,
  ...egressSettings,
  ...eventSettings,
  ...listenSettings(3001),
  ...proxySettings,
  ...textSettings,
  ...tracingSettings,
}
const GOOD = { DATABASE_URL: 'postgres://db/latchkey', SECRET_KEY: 'k'.repeat(32) }
const read = (environment: Record<string, string>) => readConfig(SETTINGS, { ...GOOD, ...environment })

test.each([
  ['DATABASE_SCHEMA', ['a', '_a1', 'x'.repeat(56), 'bullmq_own', 'ownbullmq', 'information_schema_own', 'own_pg_']],
  ['LOG_LEVEL', ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']],
  ['SERVICE_NAME', ['x'.repeat(64), '123', '12345']],
  ['HOST', ['127.0.0.1', '::1', 'localhost', 'my-host_1.example', '1and1.example', 'db1']],
  ['OTEL_EXPORTER_OTLP_ENDPOINT', ['http://collector:4318', 'https://collector:4318']],
  ['HTTPS_PROXY', ['http://proxy:3128', 'https://proxy:3128']],
  ['WEBHOOK_URL', ['http://hooks.example/a', 'https://hooks.example/a']],
])('%s is taken as it is given: %j', (name, values) => {
  for (const value of values) expect(read({ [name]: value })).toMatchObject({ [name]: value })
})

test.each([
  ['CODE_TTL_SECONDS', 1, 86_400],
  ['CODE_ATTEMPTS', 1, 100],
  ['KEEP_ALIVE_SECONDS', 1, 3600],
  ['OPS_PORT', 0, 65_535],
])('%s is a whole number from %i to %i', (name, min, max) => {
  for (const value of [min, max]) expect(read({ [name]: String(value) })).toMatchObject({ [name]: value })
  for (const value of [min - 1, max + 1]) expect(() => read({ [name]: String(value) })).toThrow(`${name}: must be`)
})

test.each([
  ['DATABASE_SCHEMA', ['Other', 'x'.repeat(57)], 'must be a name of at most 56 lower-case letters'],
  ['DATABASE_SCHEMA', ['pg_own', 'information_schema', 'bullmq', 'own_bullmq'], 'must be none of the names that'],
  ['LOG_LEVEL', ['chatty'], 'must be one of trace, debug, info, warn, error, fatal, silent'],
  ['SECRET_KEY', ['k'.repeat(31)], 'must have 32 characters or more in each of its comma-separated keys'],
  ['LIMIT_GUESSES_PER_MAILBOX', ['1/366d', '1/1h,1/366d'], 'must have windows of 365d at most'],
  ['SERVICE_NAME', ['x'.repeat(65)], 'must have at most 64 characters'],
  ['SERVICE_NAME', ['a\nb', 'a\u2028b', 'a\u2029b'], 'must be one line'],
  ['SERVICE_NAME', ['1234', 'a 12345678'], 'must not hold 4 or 8 digits in a row, which look like a code'],
  ['DEFAULT_LOCALE', ['e', 'en_GB'], 'must be a language tag of BCP 47 such as pt-BR'],
  ['HOST', ['999.999.999.999', '10.1', 'a b', ' a', 'a ', 'http://a'], 'must be an IP address or a host name'],
  ['TRUSTED_PROXIES', ['10.0.0.0/8,here'], 'must be a comma-separated list of networks such as 10.0.0.0/8,fd00::/8'],
  ['WEBHOOK_URL', ['https://ada@a.example', 'https://:pw@a.example'], 'must hold no credentials: events are signed'],
])('%s as %j is refused, with what it must be', (name, values, says) => {
  for (const value of values) expect(() => read({ [name]: value })).toThrow(`  ${name}: ${says}`)
})

test('a database that is not named is asked for', () => {
  expect(() => readConfig(coreSettings, {})).toThrow('  DATABASE_URL: must be set')
})

test('a list of trusted networks may have blanks and empty places', () => {
  expect(read({ TRUSTED_PROXIES: ' 10.0.0.0/8 , ,fd00::/8,' }).TRUSTED_PROXIES).toEqual(
    read({ TRUSTED_PROXIES: '10.0.0.0/8,fd00::/8' }).TRUSTED_PROXIES,
  )
  expect(read({ TRUSTED_PROXIES: '10.0.0.0/8,fd00::/8' }).TRUSTED_PROXIES).toHaveLength(2)
})

test('what a process listens with, and writes mails with, is what was given', () => {
  const given = { HOST: '::1', KEEP_ALIVE_SECONDS: '70', SERVICE_NAME: 'Name', DEFAULT_LOCALE: 'de' }
  const config = read({ ...given, MAIL_TEMPLATES: '/texts', CODE_TTL_SECONDS: '90' })
  expect(listeningOf(config)).toEqual({ host: '::1', keepAliveSeconds: 70 })
  expect(textSettingsOf(config)).toEqual({
    serviceName: 'Name',
    defaultLocale: 'de',
    folder: '/texts',
    ttlSeconds: 90,
  })
})
