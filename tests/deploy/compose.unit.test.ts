import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as v from 'valibot'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { namesReadBy } from '../support/names-read-by.ts'
import { configure, programNames, programs } from './programs.ts'

const ROOT = join(import.meta.dirname, '../..')
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8')

const service = v.object({
  image: v.optional(v.string()),
  environment: v.optional(v.record(v.string(), v.nullable(v.union([v.string(), v.number()]))), {}),
  healthcheck: v.optional(v.object({ test: v.optional(v.array(v.string())) })),
  ports: v.optional(v.array(v.string()), []),
})
const { services } = v.parse(
  v.object({ services: v.record(v.string(), service) }),
  parse(read('docker-compose.yml'), { merge: true }),
)

/** The defaults of the innermost `${NAME:-default}`: a default may name another variable. */
const byDefault = (value: string) => value.replace(/\$\{\w+:-([^{}]*)\}/g, '$1')

const givenTo = (name: string) => Object.entries(services[name]?.environment ?? {})

/** What the service's process gets where nobody sets anything: `${NAME:-default}` is the default, and no value is not set. */
const environmentOf = (name: string): Record<string, string> =>
  Object.fromEntries(
    givenTo(name).flatMap(([variable, value]) =>
      value === null ? [] : [[variable, byDefault(byDefault(String(value)))]],
    ),
  )

/** What nobody can choose with a variable: ports and hosts are this file's own, no pooler is in the way, and texts want a volume. */
const OWN = ['HOST', 'PORT', 'OPS_PORT', 'DATABASE_DIRECT_URL', 'MAIL_TEMPLATES']

describe.each(programNames)('the %s of docker-compose.yml', (name) => {
  test('gets variables that it knows, with values that it takes, and all that it needs', () => {
    const known = namesReadBy(programs[name])
    expect(givenTo(name).filter(([variable]) => !known.has(variable))).toEqual([])
    expect(() => configure(name, environmentOf(name))).not.toThrow()
  })

  test('gets each variable that somebody may want to set', () => {
    const given = new Set(givenTo(name).map(([variable]) => variable.replace(/_FILE$/, '')))
    const wanted = [...namesReadBy(programs[name])].filter((variable) => !variable.endsWith('_FILE'))
    expect(wanted.filter((variable) => !given.has(variable)).toSorted()).toEqual(
      OWN.filter((variable) => wanted.includes(variable)).toSorted(),
    )
  })

  test('gets under a name what is set under that name, whatever is the default', () => {
    const chosen = givenTo(name).filter(([, value]) => /^\$\{/.test(String(value)))
    expect(chosen.filter(([variable, value]) => !String(value).startsWith(`\${${variable}:-`))).toEqual([])
  })
})

test('api and worker get the same of what both read', () => {
  const [api, worker] = ['api', 'worker'].map((name) => new Map(givenTo(name)))
  const both = [...(api?.keys() ?? [])].filter((variable) => worker?.has(variable))
  expect(both).toEqual(expect.arrayContaining(['SECRET_KEY_FILE', 'CODE_TTL_SECONDS', 'SERVICE_NAME', 'WEBHOOK_URL']))
  expect(both.filter((variable) => api?.get(variable) !== worker?.get(variable))).toEqual([])
})

test('the sandbox signs its reports by the secret that the api knows, and sends them there', () => {
  const sandbox = new Map(givenTo('sandbox'))
  expect(sandbox.get('EVENTS_URL')).toBe('http://api:3000/v1/provider-events/resend')
  for (const name of ['api', 'sandbox']) expect(givenTo(name)).toContainEqual(['MAIL_EVENTS_SECRET', null])
})

describe.each(['api', 'worker'] as const)('the port of operators of the %s', (name) => {
  test('is the same to the program, its image and docker-compose.yml', () => {
    const port = v.parse(v.looseObject({ OPS_PORT: v.number() }), configure(name, environmentOf(name))).OPS_PORT
    const image = read(`Dockerfile.${name}`)
    expect(image).toMatch(new RegExp(`^EXPOSE.* ${port}$`, 'm'))
    expect(image).toContain(`http://127.0.0.1:\${process.env.OPS_PORT || ${port}}/livez`)
    expect(services[name]?.healthcheck?.test?.join(' ')).toContain(`http://127.0.0.1:${port}/readyz`)
  })
})

test('images that are not built here have an exact version', () => {
  const images = Object.keys(services).map((name) => services[name]?.image?.replace(/\$\{\w+:-([^}]*)\}/, '$1') ?? '')
  const foreign = images.filter((image) => !image.startsWith('latchkey-'))
  expect(foreign.length).toBeGreaterThan(2)
  expect(foreign.filter((image) => !/^[\w/]+:v?\d+(?:\.\d+)+$/.test(image))).toEqual([])
})

test('the gateway has a route for each port that is published, on this machine only', () => {
  const routes = [...read('dev/gateway.ts').matchAll(/port: (\d+)/g)].map(([, port]) => port)
  const published = services.gateway?.ports ?? []
  expect(published.map((port) => port.split(':').at(-1))).toEqual(routes)
  // Mailpit, which only a profile starts, has its own.
  const all = Object.values(services).flatMap(({ ports }) => ports)
  expect(all.filter((port) => !port.startsWith('127.0.0.1:'))).toEqual([])
  expect(all.filter((port) => !published.includes(port))).toEqual(services.mailpit?.ports)
})

test('up to their last words the two Dockerfiles are the same, so that the images share their layers', () => {
  const [api, worker] = ['api', 'worker'].map((name) =>
    read(`Dockerfile.${name}`)
      .split('\n')
      .filter(
        (line) =>
          line.startsWith('FROM') || line.startsWith('COPY') || line.startsWith('RUN') || line.startsWith(' &&'),
      ),
  )
  expect(api?.length).toBeGreaterThan(10)
  expect(worker).toEqual(api)
})

test('the worker reaches Mailpit, in its own profile, where the variables beside it say', () => {
  const file = read('docker-compose.yml')
  const [, variables = ''] = /# With Mailpit: (.*) docker compose --profile mailpit up/.exec(file) ?? []
  const given = Object.fromEntries(variables.split(' ').map((pair) => pair.split('=')))
  expect(given).toEqual({ MAIL_PROVIDER: 'mailpit', MAIL_URL: 'http://mailpit:8025' })
  expect(file).toMatch(/^ {2}mailpit:\n(?: {4}.*\n)*? {4}profiles: \[mailpit\]/m)
  const environment = { ...environmentOf('worker'), ...given }
  expect(() => configure('worker', environment)).not.toThrow()
  for (const name of Object.keys(given))
    expect(String(services.worker?.environment?.[name])).toMatch(new RegExp(`^\\$\\{${name}:-`))
})
