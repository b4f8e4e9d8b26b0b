import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import * as v from 'valibot'
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest'
import { documented } from '../../bench/soak/documented.ts'
import { PASSWORD, post } from '../support/api.ts'
import { shareTestDatabase } from '../support/database.ts'
import { type MailProvider, startMailProvider } from '../support/mail-provider.ts'
import { startProcess, type TestProcess } from '../support/processes.ts'
import { startTestCluster } from '../support/redis-cluster.ts'
import { dataServer, newRedisServer, type RedisServer } from '../support/redis-server.ts'
import { PATIENT } from '../worker/stage.ts'
import { bear, OUTAGE_MS, troubleIn } from './bear-outage.ts'

const database = shareTestDatabase()
let provider: MailProvider
beforeAll(async () => {
  provider = await startMailProvider()
})
afterAll(() => provider.close())

describe.runIf(inject('redis') === 'redis-server')('with jobs on Redis, under the least rights', () => {
  let redis: RedisServer
  let api: TestProcess
  let worker: TestProcess
  const asAdmin = (...command: [string, ...string[]]) => redis.ask((admin) => admin.call(...command))

  const [line = ''] = documented('# Redis: users.acl')
  const [, name = '', ...rules] = line.split(' ')
  const allow = () => asAdmin('ACL', 'SETUSER', name, ...rules)

  beforeAll(async () => {
    redis = await newRedisServer(dataServer('--enable-debug-command', 'local'))
    await redis.start()
    await allow()
    const common = { DATABASE_URL: database.url, MAIL_URL: provider.url }
    const login = { REDIS_URL: redis.url.replace('//', `//${name}:PASSWORD@`), OPS_USER: 'ops', OPS_PASSWORD: 'ops' }
    ;[api, worker] = await Promise.all([startProcess('api', common), startProcess('worker', { ...common, ...login })])
  })
  afterAll(async () => {
    await Promise.all([api.kill(), worker.kill()])
    await redis.kill()
  })

  test('mails leave, the dashboard shows them, and nothing is complained about', async () => {
    const answer = await fetch(`${api.url}/v1/users`, post({ email: 'rights@example.com', password: PASSWORD }))
    expect(answer.status).toBe(202)
    await expect.poll(() => provider.inbox('rights@example.com').length, PATIENT).toBe(1)
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

  test.each([
    {
      error: 'NOPERM',
      off: ['ACL', 'SETUSER', 'latchkey', '-@write'],
      on: ['ACL', 'SETUSER', 'latchkey', '+@write', '-@dangerous'],
    },
    { error: 'OOM', off: ['CONFIG', 'SET', 'maxmemory', '1'], on: ['CONFIG', 'SET', 'maxmemory', '0'] },
    {
      error: 'NOREPLICAS',
      off: ['CONFIG', 'SET', 'min-replicas-to-write', '1'],
      on: ['CONFIG', 'SET', 'min-replicas-to-write', '0'],
    },
    { error: 'READONLY', off: ['REPLICAOF', '127.0.0.1', '1'], on: ['REPLICAOF', 'NO', 'ONE'] },
    {
      error: 'MASTERDOWN',
      off: ['CONFIG', 'SET', 'replica-serve-stale-data', 'no'],
      on: ['CONFIG', 'SET', 'replica-serve-stale-data', 'yes'],
    },
  ])('$error is one line, and the worker rests until it is over', async ({ error, off, on }) => {
    await bear(
      { worker, api, provider },
      async () => {
        const call = ([name = '', ...more]: string[]) => asAdmin(name, ...more)
        if (error === 'MASTERDOWN') await asAdmin('REPLICAOF', '127.0.0.1', '1')
        await call(off)
        return async () => {
          await call(on)
          if (error === 'MASTERDOWN') await asAdmin('REPLICAOF', 'NO', 'ONE')
        }
      },
      `${error.toLowerCase()}@example.com`,
    )
  })

  test('a Redis that is killed and comes back, empty, is one line', async () => {
    await bear(
      { worker, api, provider },
      async () => {
        await redis.kill()
        return async () => {
          await redis.start()
          await allow()
        }
      },
      'killed@example.com',
    )
  })

  test('a Redis that cannot write its snapshot (MISCONF) is one line', async () => {
    await bear(
      { worker, api, provider },
      async () => {
        const [, folder = ''] = v.parse(v.array(v.string()), await asAdmin('CONFIG', 'GET', 'dir'))
        const snapshot = join(folder, 'dump.rdb')
        await mkdir(join(snapshot, 'in the way'), { recursive: true })
        await asAdmin('CONFIG', 'SET', 'save', '3600 1')
        await asAdmin('BGSAVE')
        await expect.poll(() => asAdmin('INFO', 'persistence'), PATIENT).toContain('rdb_last_bgsave_status:err')
        return async () => {
          await asAdmin('CONFIG', 'SET', 'save', '')
          await rm(snapshot, { recursive: true })
        }
      },
      'misconf@example.com',
    )
  })

  test('a Redis that loads its data for seconds (LOADING) is one line', async () => {
    await bear(
      { worker, api, provider },
      async () => {
        await asAdmin('DEBUG', 'POPULATE', String(OUTAGE_MS))
        await asAdmin('CONFIG', 'SET', 'loading-process-events-interval-bytes', '1024')
        // A millisecond for each key.
        await asAdmin('CONFIG', 'SET', 'key-load-delay', '1000')
        const loaded = asAdmin('DEBUG', 'RELOAD')
        return async () => {
          await loaded
          await asAdmin('CONFIG', 'SET', 'key-load-delay', '0')
        }
      },
      'loading@example.com',
    )
  })

  test('SIGTERM works while Redis refuses everything', async () => {
    await asAdmin('ACL', 'SETUSER', 'latchkey', 'nocommands')
    await expect.poll(async () => (await fetch(`${worker.opsUrl}/readyz`)).status, PATIENT).toBe(503)
    expect(await worker.stop()).toBe(0)
  })
})

describe.runIf(inject('redis') === 'redis-server')('with jobs on a Redis Cluster, under the least rights', () => {
  test('mails leave, and nothing is complained about', async () => {
    const cluster = await startTestCluster()
    onTestFinished(() => cluster.stop())
    const [line = ''] = documented('# Redis: users.acl')
    const [, name = '', ...rules] = line.replace('~bull:*', '~{bull}:* +cluster|slots +cluster|info').split(' ')
    // The order counts.
    rules.sort((one, other) => Number(one.startsWith('+cluster')) - Number(other.startsWith('+cluster')))
    for (const { ask } of cluster.nodes) await ask((admin) => admin.call('ACL', 'SETUSER', name, ...rules))
    const common = { DATABASE_URL: database.url, MAIL_URL: provider.url }
    const url = cluster.url.replace('//', `//${name}:PASSWORD@`)
    const [api, worker] = await Promise.all([
      startProcess('api', common),
      startProcess('worker', { ...common, REDIS_URL: url, OPS_USER: 'ops', OPS_PASSWORD: 'ops' }),
    ])
    onTestFinished(async () => void (await Promise.all([api.kill(), worker.kill()])))
    const answer = await fetch(`${api.url}/v1/users`, post({ email: 'cluster@example.com', password: PASSWORD }))
    expect(answer.status).toBe(202)
    await expect.poll(() => provider.inbox('cluster@example.com').length, PATIENT).toBe(1)
    expect(troubleIn(worker.log())).toEqual([])
  })
})
