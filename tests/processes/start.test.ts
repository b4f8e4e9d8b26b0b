import { readdirSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { describe, expect, test, vi } from 'vitest'
import { findFreePort } from '../../dev/free-port.ts'
import { PATIENT } from '../support/patient.ts'
import { requiredVariables, spawnProgram } from '../worker/spawn-program.ts'
import { useProcesses } from './stage.ts'

const { database, provider, startWorkerHere } = useProcesses()

describe('a wrong configuration', () => {
  test.each([
    { name: 'api' as const, faulty: { DATABASE_URL: 'hunter2', SECRET_KEY: 'hunter2', BCRYPT_COST: 'hunter2' } },
    {
      name: 'worker' as const,
      faulty: { DATABASE_URL: 'hunter2', SECRET_KEY: 'hunter2', MAIL_URL: 'hunter2', REDIS_URL: 'hunter2' },
    },
  ])(
    'stops the $name at once with 1 and one message that names every variable, without values',
    async ({ name, faulty }) => {
      const program = spawnProgram(name, faulty)
      await program.closed
      expect(program.child.exitCode).toBe(1)
      expect(program.out()).toBe('')
      const missing = name === 'worker' ? ['MAIL_API_KEY', 'MAIL_FROM'] : []
      for (const variable of [...Object.keys(faulty), ...missing]) expect(program.err()).toContain(`${variable}: `)
      expect(program.err()).not.toContain('hunter2')
      expect(program.err()).not.toMatch(/\bat .*\.ts:\d/)
    },
  )

  test.each(['api', 'worker'] as const)('a taken port stops the %s with 1 and one message', async (name) => {
    const port = new URL(provider().url).port
    const program = spawnProgram(name, { ...requiredVariables(database.url), OPS_PORT: port, PORT: '0' })
    await program.closed
    expect(program.child.exitCode).toBe(1)
    expect(program.err()).toContain('EADDRINUSE')
    expect(program.err().trim().split('\n')).toHaveLength(1)
  })
})

test.each(['api', 'worker'] as const)(
  'the %s starts before PostgreSQL is there, lives, is not ready, and stops with 0',
  async (name) => {
    const opsPort = String(await findFreePort())
    const nowhere = `postgres://latchkey:latchkey@127.0.0.1:${await findFreePort()}/latchkey`
    const program = spawnProgram(name, { ...requiredVariables(nowhere), PORT: '0', OPS_PORT: opsPort })
    const ask = (path: string) => fetch(`http://127.0.0.1:${opsPort}${path}`)
    await vi.waitFor(async () => expect((await ask('/livez')).status).toBe(200), PATIENT)
    const readyz = await ask('/readyz')
    expect(readyz.status).toBe(503)
    expect(await readyz.json()).toMatchObject({ status: 'not-ready', checks: { database: 'down: cannot be reached' } })
    if (name === 'worker') await expect.poll(() => program.out()).toContain('waiting for ')
    expect(program.child.exitCode).toBeNull()
    program.child.kill('SIGTERM')
    await program.closed
    expect(program.child.exitCode).toBe(0)
  },
)

/** What the process calls its threads. Linux only. */
const threadsOf = (pid: number | undefined) =>
  readdirSync(`/proc/${pid}/task`).map((thread) => readFileSync(`/proc/${pid}/task/${thread}/comm`, 'utf8').trim())

test.runIf(process.platform === 'linux').each([
  { how: 'one for each core and four for all else', given: {}, threads: availableParallelism() + 4 },
  { how: 'as many as it is told', given: { UV_THREADPOOL_SIZE: '9' }, threads: 9 },
])('the threads of the api, which hashes on them, are $how', async ({ given, threads }) => {
  const opsPort = String(await findFreePort())
  const api = spawnProgram('api', { ...requiredVariables(database.url), PORT: '0', OPS_PORT: opsPort, ...given })
  await expect.poll(() => api.out()).toContain('api listening')
  expect(threadsOf(api.child.pid).filter((name) => name === 'libuv-worker')).toHaveLength(threads)
  api.child.kill('SIGTERM')
  await api.closed
})

describe('the dashboard', () => {
  test('it is off without OPS_USER and OPS_PASSWORD, as events are without WEBHOOK_URL, and the log says so', async () => {
    const worker = await startWorkerHere({ WEBHOOK_SECRET: `whsec_${btoa('a'.repeat(24))}` })
    expect((await fetch(`${worker.opsUrl}/dashboard`)).status).toBe(404)
    await expect.poll(() => worker.log()).toContain('the dashboard is off: set OPS_USER and OPS_PASSWORD')
    expect(worker.log()).toContain('events are off: WEBHOOK_SECRET is set, WEBHOOK_URL is not')
  })

  test('with them it is on the port of operators, behind Basic auth', async () => {
    const worker = await startWorkerHere({ OPS_USER: 'operator', OPS_PASSWORD: 'secret' })
    const authorization = `Basic ${Buffer.from('operator:secret').toString('base64')}`
    await expect.poll(async () => (await fetch(`${worker.opsUrl}/dashboard`)).status).toBe(401)
    expect((await fetch(`${worker.opsUrl}/dashboard/`, { headers: { authorization } })).status).toBe(200)
    expect(worker.log()).not.toContain('the dashboard is off')
  })
})
