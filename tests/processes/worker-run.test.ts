import { test } from 'vitest'
import { describeBackends } from '../support/backends.ts'
import { startGatedProvider } from '../worker/stage.ts'
import { useProcesses, useStore } from './stage.ts'

describeBackends('a worker on %s', (backend) => {
  const { database, provider, start, startWorkerHere, register, outcomeOf } = useProcesses()
  const store = useStore(backend)

  test('needs so few connections that three fit into PostgreSQL with its defaults', async ({
    expect,
    onTestFinished,
  }) => {
    const gate = await startGatedProvider()
    onTestFinished(gate.close)
    const emails = Array.from({ length: 40 }, (_, index) => `many${index}-${backend}@example.com`)
    // One after the other: of many at once some would be told that they wait too long for a hash.
    for (const email of emails) await register(email)
    // All at once: a provider that does not answer for ten seconds would hold back those that come later.
    await startWorkerHere({ ...store(), MAIL_URL: gate.url })
    await expect.poll(() => emails.filter((email) => gate.requests(email) > 0).length).toBe(emails.length)
    const connections = async () =>
      (
        await database.pool.query(
          `select 1 from pg_stat_activity
           where datname = current_database() and application_name in ('latchkey-worker', 'latchkey-bullmq', 'latchkey-listen')
             or query ilike 'listen%' and datname = current_database()`,
        )
      ).rowCount
    expect(await connections()).toBeLessThanOrEqual(15)
    gate.release()
    // A mail that is left would be tried again in the next test.
    const left = async () => (await database.pool.query('select 1 from mails where outcome is null')).rowCount
    await expect.poll(left).toBe(0)
  })

  test('that is killed in the middle of a send is followed by another with the same key and bytes', async ({
    expect,
  }) => {
    const environment = { ...store(), MAIL_TIMEOUT_MS: '60000' }
    const email = `crash-${backend}@example.com`
    provider().answerWith(['hang'])
    const victim = await start('worker', environment)
    const user = await register(email)
    const tries = () => provider().requests.filter((mail) => mail.to === email)
    await expect.poll(() => tries().length).toBe(1)
    const heir = await start('worker', environment)
    await victim.kill()
    const killedAt = Date.now()
    await expect.poll(() => outcomeOf(user.id)).toBe('accepted')
    const [first, second] = tries()
    expect(tries()).toHaveLength(2)
    expect((second?.at ?? Number.POSITIVE_INFINITY) - killedAt).toBeLessThan(20_000)
    expect([second?.key, second?.body]).toEqual([first?.key, first?.body])
    expect(provider().inbox(email)).toHaveLength(1)
    expect(await heir.stop()).toBe(0)
  })
})
