import * as v from 'valibot'
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest'
import { documented } from '../../bench/soak/documented.ts'
import { PASSWORD, post } from '../support/api.ts'
import { useTestDatabase } from '../support/database.ts'
import { startMailProvider } from '../support/mail-provider.ts'
import { startProgram } from '../support/processes.ts'
import { startTestCluster } from '../support/redis-cluster.ts'
import { troubleIn } from './bear-outage.ts'
import { type Commands, type LeastRights, setLeastRights } from './least-rights.ts'

describe.runIf(inject('redis') === 'redis-server')('with jobs on Redis, under the least rights', () => {
  let stage: LeastRights

  beforeAll(async () => {
    stage = await setLeastRights()
  })
  afterAll(() => stage.close())

  test('mails leave, the dashboard shows them, and nothing is complained about', async () => {
    const { api, worker, provider, asAdmin } = stage
    const answer = await fetch(`${api.url}/v1/users`, post({ email: 'rights@example.com', password: PASSWORD }))
    expect(answer.status).toBe(202)
    await expect.poll(() => provider.inbox('rights@example.com').length).toBe(1)
    const headers = { authorization: `Basic ${btoa('ops:ops')}` }
    const board = await fetch(`${worker.opsUrl}/dashboard/api/queues?activeQueue=mail&status=completed&page=1`, {
      headers,
    })
    expect(board.status).toBe(200)
    expect((await fetch(`${worker.opsUrl}/readyz`)).status).toBe(200)
    expect(troubleIn(worker.log())).toEqual([])
    const denied = v.parse(v.array(v.array(v.unknown())), await asAdmin('ACL', 'LOG'))
    expect(denied.map((entry) => entry[entry.indexOf('object') + 1]).filter((name) => name !== 'client|list')).toEqual(
      [],
    )
  })

  test.each<Commands>([
    {
      error: 'NOPERM',
      off: ['ACL', 'SETUSER', 'latchkey', '-@write'],
      on: ['ACL', 'SETUSER', 'latchkey', '+@write', '-@dangerous'],
    },
  ])('$error is one line, and the worker rests until it is over', (commands) => stage.bearCommands(commands, expect))

  test('SIGTERM works while Redis refuses everything', async () => {
    const { worker, asAdmin } = stage
    await asAdmin('ACL', 'SETUSER', 'latchkey', 'nocommands')
    await expect.poll(async () => (await fetch(`${worker.opsUrl}/readyz`)).status).toBe(503)
    expect(await worker.stop()).toBe(0)
  })
})

describe.runIf(inject('redis') === 'redis-server')('with jobs on a Redis Cluster, under the least rights', () => {
  test('mails leave, and nothing is complained about', async () => {
    const [database, provider, cluster] = [await useTestDatabase(), await startMailProvider(), await startTestCluster()]
    onTestFinished(provider.close)
    onTestFinished(() => cluster.stop())
    const [line = ''] = documented('# Redis: users.acl')
    const [, name = '', ...rules] = line.replace('~bull:*', '~{bull}:* +cluster|slots').split(' ')
    // The order counts.
    rules.sort((one, other) => Number(one.startsWith('+cluster')) - Number(other.startsWith('+cluster')))
    for (const { ask } of cluster.nodes) await ask((admin) => admin.call('ACL', 'SETUSER', name, ...rules))
    const common = { DATABASE_URL: database.url, MAIL_URL: provider.url }
    const url = cluster.url.replace('//', `//${name}:PASSWORD@`)
    const [api, worker] = await Promise.all([
      startProgram('api', common),
      startProgram('worker', { ...common, REDIS_URL: url, OPS_USER: 'ops', OPS_PASSWORD: 'ops' }),
    ])
    onTestFinished(async () => void (await Promise.all([api.stop(), worker.stop()])))
    const answer = await fetch(`${api.url}/v1/users`, post({ email: 'cluster@example.com', password: PASSWORD }))
    expect(answer.status).toBe(202)
    await expect.poll(() => provider.inbox('cluster@example.com').length).toBe(1)
    expect(troubleIn(worker.log())).toEqual([])
  })
})
