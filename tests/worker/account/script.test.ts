import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { beforeAll, expect, test } from 'vitest'
import { register, registerAndActivate } from '../../api/api-client.ts'
import { SECRET_KEY } from '../../support/secret-key.ts'
import { runScript } from '../spawn-program.ts'
import { shareCommand } from './command.ts'

const { database, app, run } = shareCommand()

// For an export of all.
beforeAll(() => registerAndActivate(app(), database, 'active@example.com'))

test('wrong usage ends the process with 2', async () => {
  const { code, out, err } = await runScript('src/worker/account.ts', [], { DATABASE_URL: database.url, SECRET_KEY })
  expect([code, out]).toEqual([2, ''])
  expect(err).toContain('node src/worker/account.ts')
})

test.each([[['find']], [['dance', 'x']], [['find', 'a', 'b']], [['export', '--all', 'x']], [['find', 'x', '--force']]])(
  '%j is wrong usage: 2',
  async (args) => {
    const { code, out, err } = await run(args)
    expect([code, out]).toEqual([2, ''])
    expect(err).toContain('node src/worker/account.ts')
  },
)

test.each(['find piped@example.com', 'export --all'])('who reads %s may go before the end', async (command) => {
  await register(app(), 'piped@example.com')
  const countAudit = async () => (await database.pool.query('select from audit')).rowCount ?? 0
  const before = await countAudit()
  const piped = spawn('sh', ['-c', `"$0" src/worker/account.ts ${command} | true`, process.execPath], {
    env: { ...process.env, DATABASE_URL: database.url, SECRET_KEY },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let err = ''
  piped.stderr.on('data', (chunk) => {
    err += chunk
  })
  await once(piped, 'close')
  expect(err).toBe('')
  expect(await countAudit()).toBe(before + 1)
})
