import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import * as v from 'valibot'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { type SteadyPostgres, startSteadyPostgres } from '../../bench/soak/steady-postgres.ts'
import { createDatabase } from '../../dev/embedded-postgres.ts'
import { migrate } from '../../src/core/postgres/migrate.ts'
import { createPool } from '../../src/core/postgres/pool.ts'
import { migrateQueue } from '../../src/worker/queue/backends/migrate-queue.ts'
import { readProblem } from '../support/answers.ts'
import { PASSWORD, post } from '../support/api.ts'
import { backends, startStore } from '../support/backends.ts'
import { silent } from '../support/database.ts'
import { startMailProvider } from '../support/mail-provider.ts'
import { startProgram, type TestProgram } from '../support/processes.ts'
import { startProxy, type TcpProxy } from '../support/proxy.ts'
import { promote, startStandby } from './standby.ts'

const ENOUGH = 20
const AT_ONCE = 4
const LONG_MS = 180_000

describe.each(backends)('a primary that is killed under load and replaced by its standby, jobs on %s', (backend) => {
  let folder: string
  let primary: SteadyPostgres
  let standby: SteadyPostgres
  let address: TcpProxy
  let url: string

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'latchkey-failover-'))
    await chmod(folder, 0o711)
    const primaryDir = join(folder, 'primary')
    primary = await startSteadyPostgres(primaryDir)
    const direct = await createDatabase({ ...primary, stop: () => primary.stop('SIGINT') }, 'latchkey')
    await migrate(direct, silent)
    if (backend === 'postgresql') await migrateQueue(direct, silent)
    standby = await startStandby(primary, primaryDir, join(folder, 'standby'))
    address = await startProxy(direct)
    url = address.url
  })
  afterEach(async () => {
    await Promise.all([address.close(), standby.stop('SIGQUIT')])
    await rm(folder, { recursive: true, force: true })
  })

  /** Registers until it is stopped; what was not acknowledged is sent again under the same key. */
  const startLoad = (api: TestProgram) => {
    const acknowledged: string[] = []
    const refusals = new Set<number>()
    let isStopped = false
    const person = async (line: number) => {
      for (let number = 0; !isStopped; number += 1) {
        const email = `person-${line}-${number}@example.com`
        const body = post({ email, password: PASSWORD }, { 'idempotency-key': email })
        for (;;) {
          const { status } = await fetch(`${api.url}/v1/users`, body)
          if (status === 202) break
          refusals.add(status)
          await sleep(100)
        }
        acknowledged.push(email)
      }
    }
    const running = Promise.all(Array.from({ length: AT_ONCE }, (_, line) => person(line)))
    return {
      acknowledged,
      refusals,
      stop: () => {
        isStopped = true
        return running
      },
    }
  }

  test('no acknowledged registration is lost, and both processes recover by themselves', {
    timeout: LONG_MS,
  }, async () => {
    const [redis, provider] = await Promise.all([startStore(backend), startMailProvider()])
    const environment = { DATABASE_URL: url, REDIS_URL: redis?.url, MAIL_URL: provider.url, MAIL_TIMEOUT_MS: '2000' }
    const [api, worker] = await Promise.all([startProgram('api', environment), startProgram('worker', environment)])
    onTestFinished(async () => {
      await Promise.all([api.stop(), worker.stop(), provider.close(), redis?.stop()])
    })
    const databases = () => Promise.all([api, worker].map(readDatabaseCheck))

    const load = startLoad(api)
    await expect.poll(() => load.acknowledged.length).toBeGreaterThan(ENOUGH)
    await primary.stop('SIGQUIT')
    address.pointTo(standby.port)

    await expect.poll(databases).toEqual(['down: read-only', 'down: read-only'])
    const refused = await fetch(`${api.url}/v1/users`, post({ email: 'refused@example.com', password: PASSWORD }))
    expect(refused.status).toBe(503)
    expect((await readProblem(refused)).type).toMatch(/unavailable$/)

    await promote(standby)
    await expect.poll(databases).toEqual(['ok', 'ok'])
    const before = load.acknowledged.length
    await expect.poll(() => load.acknowledged.length).toBeGreaterThan(before + ENOUGH)
    await load.stop()
    expect([...load.refusals]).toEqual([503])

    const pool = createPool(standby.urlOf('latchkey'), { max: 1, name: 'test', logger: silent })
    onTestFinished(() => pool.end())
    const unsettled = async () =>
      (await pool.query("select 1 from mails where outcome is distinct from 'accepted'")).rowCount
    await expect.poll(unsettled).toBe(0)
    const stored = await pool.query<{ email: string }>('select email from users order by email')
    expect(stored.rows.map(({ email }) => email)).toEqual(load.acknowledged.toSorted())
    for (const email of load.acknowledged) expect([email, provider.inbox(email).length]).toEqual([email, 1])
  })
})

const readDatabaseCheck = async ({ opsUrl }: TestProgram) => {
  const answer = await fetch(`${opsUrl}/readyz`)
  return v.parse(v.object({ checks: v.object({ database: v.string() }) }), await answer.json()).checks.database
}
