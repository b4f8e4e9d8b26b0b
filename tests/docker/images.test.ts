import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as v from 'valibot'
import { beforeAll, describe, expect, test } from 'vitest'
import { readApiConfig } from '../../src/api/config.ts'
import { readWorkerConfig } from '../../src/worker/config.ts'
import { namesReadBy } from '../support/names-read-by.ts'
import { docker, dockerLines } from './docker.ts'
import { productionPackages } from './production-packages.ts'

const ROOT = join(import.meta.dirname, '../..')
// The first thing that our Dockerfiles do on top of the base image.
const FIRST_STEP = 'rm -rf /usr/local/lib/node_modules'
const PACKAGE = /(?:^|\/)node_modules\/(?:@[^/]+\/)?[^/@]+$/

const readJson = (file: string): unknown => JSON.parse(readFileSync(join(ROOT, file), 'utf8'))
const { version, dependencies } = v.parse(
  v.object({ version: v.string(), dependencies: v.record(v.string(), v.string()) }),
  readJson('package.json'),
)
/** The steps that made the image, ours only, newest first, with the bytes that each added. */
const readSteps = async (image: string) => {
  const format = ['--no-trunc', '--human=false', '--format', '{{.Size}} {{.CreatedBy}}']
  const steps = (await dockerLines(['history', ...format, image])).map((line) => ({
    bytes: Number.parseInt(line, 10),
    line,
  }))
  return steps.slice(0, steps.findIndex(({ line }) => line.includes(FIRST_STEP)) + 1)
}

const inspect = async (image: string) => JSON.parse(await docker(['image', 'inspect', image]))[0]

/** Runs a command in a new container, as the image's own user. */
const inside = (image: string, ...command: string[]) =>
  dockerLines(['run', '--rm', '--network', 'none', '--entrypoint', command[0] ?? '', image, ...command.slice(1)])

describe.each(['api', 'worker'])('the image of the %s', (name) => {
  const image = `latchkey-${name}`

  beforeAll(async () => {
    const ours = (await readSteps(image)).reduce((sum, { bytes }) => sum + bytes, 0)
    const { Size } = await inspect(image)
    process.stdout.write(`${image}: ${megabytes(Size)} MB, ${megabytes(ours)} MB of it on top of the base image\n`)
  })

  test('holds the production packages of the lock file and no other', async () => {
    const folders = await inside(image, 'find', 'node_modules', '-type', 'd')
    const installed = folders.filter((folder) => PACKAGE.test(folder) && !folder.includes('/.'))
    const production = productionPackages()
    expect(installed.filter((path) => !production.has(path))).toEqual([])
    expect(Object.keys(dependencies).filter((path) => !installed.includes(`node_modules/${path}`))).toEqual([])
  })

  test('holds the sources and the migrations, and no test, secret or other file', async () => {
    const made = ['(', '-path', './node_modules', '-o', '-path', './compiled', ')', '-prune']
    const files = await inside(image, 'find', '.', ...made, '-o', '-type', 'f', '-print')
    const wanted = globSync(['package.json', 'src/**/*.{ts,html,txt}', 'db/migrate.ts', 'db/migrations/*.sql'], {
      cwd: ROOT,
    })
    expect(files.map((file) => file.slice('./'.length)).toSorted()).toEqual(wanted.toSorted())
  })

  test('its user is 1000 and can change nothing in it', async () => {
    expect(await inside(image, 'id', '-u')).toEqual(['1000'])
    expect(await inside(image, 'find', '/app', '/usr', '/etc', '-writable', '-not', '-type', 'l')).toEqual([])
  })

  test('starts from what Node.js compiled when the image was made', async () => {
    const watched = ['-e', 'NODE_DEBUG_NATIVE=COMPILE_CACHE', '--entrypoint', 'sh', image]
    const start = ['-c', `node src/${name}/main.ts 2>&1 | grep 'code cache for' || :`]
    const told = await dockerLines(['run', '--rm', '--network', 'none', ...watched, ...start])
    expect(told.filter((line) => line.includes('was accepted')).length).toBeGreaterThan(100)
    expect(told.filter((line) => !line.includes('was accepted'))).toEqual([])
  })

  test('nothing in it installs or compiles', async () => {
    const tools = ['npm', 'npx', 'yarn', 'tsc', 'gcc', 'make', 'python3', 'git', 'curl']
    const found = await inside(image, 'sh', '-c', `for tool in ${tools.join(' ')}; do command -v $tool || :; done`)
    expect(found).toEqual([])
  })

  test('says what it is, how it is asked, how it is stopped, and starts without a shell', async () => {
    const { Config } = await inspect(image)
    expect(Config).toMatchObject({
      User: '1000:1000',
      StopSignal: 'SIGTERM',
      Cmd: ['node', `src/${name}/main.ts`],
      Labels: {
        'org.opencontainers.image.title': image,
        'org.opencontainers.image.description': expect.any(String),
        'org.opencontainers.image.version': version,
        'org.opencontainers.image.licenses': 'MIT',
      },
    })
    expect(Config.Healthcheck.Test.slice(0, 2)).toEqual(['CMD', 'node'])
  })

  test('no secret is in its history or its environment', async () => {
    const steps = await readSteps(image)
    expect(steps.length).toBeGreaterThan(5)
    expect(steps.filter(({ line }) => /secret|passw|token|api_?key|_auth|private|:\/\/[^/ ]*@/i.test(line))).toEqual([])
    const { Config } = await inspect(image)
    const names = Config.Env.map((variable: string) => variable.split('=')[0])
    const settings = [...namesReadBy(readApiConfig), ...namesReadBy(readWorkerConfig)]
    expect(names.filter((variable: string) => settings.includes(variable))).toEqual([])
  })

  test('what changes most often is the smallest of its layers', async () => {
    const [compiled, code, , , packages] = (await readSteps(image)).filter(({ bytes }) => bytes > 0)
    expect(compiled?.line).toContain('compiled')
    expect(code?.line).toContain('src')
    expect(packages?.line).toContain('node_modules')
    expect(code?.bytes).toBeLessThan((packages?.bytes ?? 0) / 20)
  })
})

test('the two images are the same but for their last words, so a machine stores them once', async () => {
  const [api, worker] = [await inspect('latchkey-api'), await inspect('latchkey-worker')]
  expect(worker.RootFS.Layers).toEqual(api.RootFS.Layers)
})

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(0)
