import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { ClientOptions } from 'openapi-fetch'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestApi, PASSWORD } from '../support/api.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { type App, codeOf, deliver } from './api-client.ts'

const run = promisify(execFile)
const ROOT = join(import.meta.dirname, '../..')
const bin = (name: string) => join(ROOT, 'node_modules/.bin', name)

let database: TestDatabase
let app: App
let folder: string

beforeAll(async () => {
  database = await createTestDatabase()
  app = await createTestApi(database)
  // Where Node finds the packages.
  folder = await mkdtemp(join(ROOT, '.typed-client-'))
  await writeFile(join(folder, 'openapi.json'), await (await app.request('/openapi.json')).text())
  await run(bin('openapi-typescript'), ['openapi.json', '-o', 'latchkey.ts'], { cwd: folder })
  const [, client = ''] =
    /## A typed client\s+```ts\n(.*?)```/s.exec(await readFile(join(ROOT, 'README.md'), 'utf8')) ?? []
  await writeFile(join(folder, 'client.ts'), client)
  await writeFile(join(folder, 'tsconfig.json'), '{ "extends": "../tsconfig.json", "include": ["*.ts"] }')
}, 60_000)
afterAll(async () => {
  await rm(folder, { recursive: true })
  await database.drop()
})

test('the client of the README compiles strictly with the types that are generated from the document', async () => {
  const compiled = await run(bin('tsc'), ['-p', folder]).catch((error: unknown) =>
    error instanceof Error && 'stdout' in error ? error : Promise.reject(error),
  )
  expect(compiled.stdout).toBe('')
}, 60_000)

test('it goes the whole way, and reads a wrong code', async () => {
  const { signUp } = await import(join(folder, 'client.ts'))
  const options: ClientOptions = { baseUrl: 'http://localhost', fetch: async (request) => app.request(request) }
  const askCode = (change: (code: string) => string) => async () => {
    const found = await database.pool.query<{ id: string }>('select id from users where activated_at is null')
    const user = { id: found.rows[0]?.id ?? '', email: 'ada@example.com' }
    await deliver(database, user)
    return change(await codeOf(database, user))
  }
  const other = (code: string) => String((Number(code) + 1) % 10_000).padStart(4, '0')
  await expect(signUp(options, 'ada@example.com', PASSWORD, askCode(other))).rejects.toThrow('2 attempts left')
  await database.pool.query('delete from users')
  expect(
    await signUp(
      options,
      'ada@example.com',
      PASSWORD,
      askCode((code) => code),
    ),
  ).toBe('active')
  await expect(signUp(options, 'nobody', PASSWORD, askCode(other))).rejects.toThrow('not valid')
})
