import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestApi } from '../support/api.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

const run = promisify(execFile)
const BIN = join(import.meta.dirname, '../../node_modules/.bin')
// No tool asks after a newer one of itself.
const env = { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' }

let database: TestDatabase
let folder: string

beforeAll(async () => {
  database = await createTestDatabase()
  const app = await createTestApi(database)
  folder = await mkdtemp(join(tmpdir(), 'latchkey-openapi-'))
  await writeFile(join(folder, 'openapi.json'), await (await app.request('/openapi.json')).text())
  await writeFile(join(folder, '.spectral.yaml'), 'extends: ["spectral:oas"]\n')
  await writeFile(join(folder, 'redocly.yaml'), 'extends: [recommended]\n')
})
afterAll(async () => {
  await rm(folder, { recursive: true })
  await database.drop()
})

const outcome = async (command: string, ...parts: string[]) => {
  const { stdout, stderr } = await run(join(BIN, command), parts, { cwd: folder, env }).catch((error: unknown) =>
    error instanceof Error && 'stdout' in error && 'stderr' in error ? error : Promise.reject(error),
  )
  return `${stdout}${stderr}`
}

test("Redocly's recommended rules find nothing", async () => {
  const report = JSON.parse(
    (await outcome('redocly', 'lint', 'openapi.json', '--format=json')).replace(/^[^{]*|[^}]*$/g, ''),
  )
  expect(report.problems).toEqual([])
}, 60_000)

test("Spectral's rules of OpenAPI find nothing", async () => {
  const found = await outcome('spectral', 'lint', 'openapi.json', '--ruleset', '.spectral.yaml', '--fail-severity=hint')
  expect(found).toContain('No results with a severity of')
}, 60_000)
