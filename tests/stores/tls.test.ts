import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test, vi } from 'vitest'
import { type SteadyPostgres, startSteadyPostgres } from '../../bench/soak/steady-postgres.ts'
import { createDatabase } from '../../dev/embedded-postgres.ts'
import { findFreePort } from '../../dev/free-port.ts'
import { migrate } from '../../src/core/postgres/migrate.ts'
import { createPool } from '../../src/core/postgres/pool.ts'
import { migrateQueue } from '../../src/worker/queue/backends/migrate-queue.ts'
import { readUser } from '../support/answers.ts'
import { basic, PASSWORD, post } from '../support/api.ts'
import { silent } from '../support/database.ts'
import { codeIn, type MailProvider, startMailProvider } from '../support/mail-provider.ts'
import { PATIENT } from '../support/patient.ts'
import { startProcess, startProgram } from '../support/processes.ts'
import { requiredVariables, spawnProgram } from '../worker/spawn-program.ts'
import { type Authority, createAuthority, hasOpenssl } from './certificates.ts'
import { startTlsRedis } from './tls-redis.ts'

if (!hasOpenssl) process.stderr.write('\n*** THE TESTS OF TLS DO NOT RUN: there is no openssl on PATH. ***\n\n')

describe.runIf(hasOpenssl)('through TLS with a private authority', () => {
  let folder: string
  let postgres: SteadyPostgres
  let provider: MailProvider
  let authority: Authority
  let stranger: Authority
  let url: string

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'latchkey-tls-'))
    await chmod(folder, 0o711)
    authority = createAuthority(folder, 'ours')
    stranger = createAuthority(folder, 'stranger')
    const { certificate, key } = authority.issue('postgres')
    const ssl = ['-c', 'ssl=on', '-c', `ssl_cert_file=${certificate}`, '-c', `ssl_key_file=${key}`]
    postgres = await startSteadyPostgres(join(folder, 'postgres'), ssl)
    provider = await startMailProvider()
    url = await createDatabase({ ...postgres, stop: () => postgres.stop('SIGINT') }, 'latchkey')
    await migrate(verified(authority), silent)
    await migrateQueue(verified(authority), silent)
  })
  afterAll(async () => {
    await Promise.all([provider.close(), postgres.stop('SIGQUIT')])
    await rm(folder, { recursive: true, force: true })
  })

  const verified = ({ certificate }: Authority) => `${url}?sslmode=verify-full&sslrootcert=${certificate}`

  const startRedis = () => startTlsRedis(authority)

  const walk = async (
    start: typeof startProgram | typeof startProcess,
    email: string,
    environment: Record<string, string>,
  ) => {
    const common = { DATABASE_URL: verified(authority), MAIL_URL: provider.url, ...environment }
    const [api, worker] = await Promise.all([start('api', common), start('worker', common)])
    onTestFinished(async () => void (await Promise.all([api.stop(), worker.stop()])))
    const registered = await fetch(`${api.url}/v1/users`, post({ email, password: PASSWORD }))
    const { id } = await readUser(registered)
    await expect.poll(() => codeIn(provider.inbox(email)[0])).toMatch(/^\d{4}$/)
    const code = codeIn(provider.inbox(email)[0])
    const headers = { authorization: basic(email) }
    const activated = await fetch(`${api.url}/v1/users/${id}/activation`, post({ code }, headers))
    expect(activated.status).toBe(200)
    return worker
  }

  test('a person registers and activates with everything in PostgreSQL, LISTEN too', async () => {
    const pool = createPool(verified(authority), { max: 1, name: 'test', logger: silent })
    onTestFinished(() => pool.end())
    await walk(startProgram, 'ada@example.com', {})
    const used = await pool.query<{ name: string; ssl: boolean }>(
      `select application_name as name, bool_and(ssl) as ssl
       from pg_stat_activity
       join pg_stat_ssl using (pid)
       where application_name like 'latchkey%'
       group by 1
       order by 1`,
    )
    const names = ['latchkey-api', 'latchkey-bullmq', 'latchkey-listen', 'latchkey-worker']
    expect(used.rows).toEqual(names.map((name) => ({ name, ssl: true })))
  })

  test.runIf(inject('redis') === 'redis-server')('and with jobs in Redis behind a password', async () => {
    const redis = await startRedis()
    const worker = await walk(startProcess, 'bob@example.com', {
      REDIS_URL: `rediss://:hunter2@127.0.0.1:${redis.port}`,
      NODE_EXTRA_CA_CERTS: authority.certificate,
      LOG_LEVEL: 'trace',
    })
    expect(worker.log()).not.toContain('hunter2')
  })

  test.each(['api', 'worker'] as const)(
    "a PostgreSQL with a stranger's certificate is refused by the %s",
    async (name) => {
      const opsPort = String(await findFreePort())
      const port = String(await findFreePort())
      const program = spawnProgram(name, {
        ...requiredVariables(verified(stranger)),
        HOST: '127.0.0.1',
        PORT: port,
        OPS_PORT: opsPort,
      })
      onTestFinished(() => void program.child.kill('SIGKILL'))
      const ready = () => fetch(`http://127.0.0.1:${opsPort}/readyz`).then((answer) => answer.json())
      await vi.waitFor(ready, PATIENT)
      expect(await ready()).toMatchObject({ checks: { database: 'down: cannot be reached' } })
      if (name === 'api') {
        const register = await fetch(
          `http://127.0.0.1:${port}/v1/users`,
          post({ email: 'a@example.com', password: PASSWORD }),
        )
        expect(register.status).toBe(503)
      }
      await expect.poll(program.out).toMatch(/"level":"warn".*(SELF_SIGNED|UNABLE_TO)/)
      expect(program.out()).not.toContain('postgres://')
    },
  )

  test.runIf(inject('redis') === 'redis-server')(
    'a Redis is refused, and the log tells why, once, and no password',
    async () => {
      const redis = await startRedis()
      const refusals = [
        { url: `rediss://:hunter2@127.0.0.1:${redis.port}`, reason: /self-signed certificate in certificate chain/ },
        // ioredis tells no more of a Cluster.
        { url: `rediss+cluster://:hunter2@127.0.0.1:${redis.port}`, reason: /Connection is closed/ },
        { url: `rediss://:hunter3@127.0.0.1:${redis.port}`, reason: /WRONGPASS/, ca: authority.certificate },
      ]
      for (const { url: redisUrl, reason, ca } of refusals) {
        const program = spawnProgram('worker', {
          ...requiredVariables(verified(authority)),
          HOST: '127.0.0.1',
          OPS_PORT: String(await findFreePort()),
          LOG_LEVEL: 'trace',
          REDIS_URL: redisUrl,
          ...(ca && { NODE_EXTRA_CA_CERTS: ca }),
        })
        onTestFinished(() => void program.child.kill('SIGKILL'))
        const told = () =>
          program
            .out()
            .split('\n')
            .filter((line) => line.includes('Redis is unavailable'))
        await expect.poll(() => told().join()).toMatch(reason)
        await expect.poll(program.out).toMatch(/(?:Redis connection.*){4}/s)
        expect(told()).toHaveLength(1)
        expect(program.out()).not.toMatch(/hunter[23]/)
      }
    },
  )
})
