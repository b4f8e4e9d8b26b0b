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
  environment: v.optional(v.record(v.string(), v.union([v.string(), v.number()])), {}),
  healthcheck: v.optional(v.object({ test: v.optional(v.array(v.string())) })),
  ports: v.optional(v.array(v.string()), []),
})
const { services } = v.parse(
  v.object({ services: v.record(v.string(), service) }),
  parse(read('docker-compose.yml'), { merge: true }),
)

/** The defaults of the innermost `${NAME:-default}`: a default may name another variable. */
const byDefault = (value: string) => value.replace(/\$\{\w+:-([^{}]*)\}/g, '$1')

/** What the service's process gets where nobody sets anything: `${NAME:-default}` is the default. */
const environmentOf = (name: string): Record<string, string> =>
  Object.fromEntries(
    Object.entries(services[name]?.environment ?? {}).map(([variable, value]) => [
      variable,
      byDefault(byDefault(String(value))),
    ]),
  )

describe.each(programNames)('the %s of docker-compose.yml', (name) => {
  test('gets variables that it knows, with values that it takes, and all that it needs', () => {
    const known = namesReadBy(programs[name])
    expect(Object.keys(environmentOf(name)).filter((variable) => !known.has(variable))).toEqual([])
    expect(() => configure(name, environmentOf(name))).not.toThrow()
  })
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

test('the gateway has a door for each port that is published, on this machine only', () => {
  const doors = [...read('dev/gateway.ts').matchAll(/port: (\d+)/g)].map(([, port]) => port)
  const published = services.gateway?.ports ?? []
  expect(published.map((port) => port.split(':').at(-1))).toEqual(doors)
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
