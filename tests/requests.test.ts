import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type MailSandbox, startMailSandbox } from '../dev/mail-sandbox/mail-sandbox.ts'
import { createTestDatabase, type TestDatabase } from './support/database.ts'
import { startProgram, type TestProgram } from './support/processes.ts'

const ROOT = join(import.meta.dirname, '..')
const REQUESTS = 7

let database: TestDatabase
let sandbox: MailSandbox
let processes: TestProgram[]

beforeAll(async () => {
  database = await createTestDatabase()
  sandbox = await startMailSandbox({ port: 0, host: '127.0.0.1', apiKey: 'test' })
  const environment = { DATABASE_URL: database.url, MAIL_URL: sandbox.url }
  processes = await Promise.all([startProgram('api', environment), startProgram('worker', environment)])
})
afterAll(async () => {
  await Promise.all(processes.map((one) => one.stop()))
  await sandbox.close()
  await database.drop()
})

test('requests.http goes through the whole journey against the started service', async () => {
  const { stdout } = await promisify(execFile)('httpyac', ['send', 'requests.http', '--all', '--bail', '--json'], {
    cwd: ROOT,
    env: { ...process.env, API_URL: processes[0]?.url, SANDBOX_URL: sandbox.url },
  })
  const { summary } = JSON.parse(stdout.slice(stdout.indexOf('{')))
  expect(summary).toMatchObject({ totalRequests: REQUESTS, failedRequests: 0, failedTests: 0 })
})
