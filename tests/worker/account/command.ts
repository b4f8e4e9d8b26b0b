import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { afterAll, beforeAll } from 'vitest'
import { runAccount } from '../../../src/worker/run-account.ts'
import type { App } from '../../api/api-client.ts'
import { basic, createTestApi } from '../../support/api.ts'
import { shareTestDatabase } from '../../support/database.ts'
import { SECRET_KEY } from '../../support/secret-key.ts'

/** The command, run in the tests' process, and the API on the same database: one for all tests of a file. */
export const shareCommand = () => {
  const database = shareTestDatabase()
  let app: App
  let folder: string

  beforeAll(async () => {
    app = await createTestApi(database)
    folder = await mkdtemp(join(tmpdir(), 'latchkey-account-'))
  })
  afterAll(() => rm(folder, { recursive: true }))

  const run = async (args: string[], environment: NodeJS.ProcessEnv = {}) => {
    const chunks: Buffer[] = []
    const out = new PassThrough().on('data', (chunk) => chunks.push(chunk))
    let err = ''
    const tell = (sentence: string) => {
      err += `${sentence}\n`
    }
    const code = await runAccount(args, { DATABASE_URL: database.url, SECRET_KEY, ...environment }, { out, tell })
    return { code, out: Buffer.concat(chunks).toString('utf8'), err }
  }

  return {
    database,
    app: () => app,
    run,

    account: async (...args: string[]) => {
      const { code, out, err } = await run(args)
      const lines: Record<string, unknown>[] = out
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line))
      return { code, lines, err, out }
    },

    pathOf: (name: string) => join(folder, name),

    signIn: async (email: string, password?: string) =>
      (await app.request('/v1/account', { headers: { authorization: basic(email, password) } })).status,
  }
}
