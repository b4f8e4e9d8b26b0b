import { describe, expect, inject, onTestFinished, test } from 'vitest'
import { startTestCluster } from '../support/redis-cluster.ts'
import { startTestSentinel } from '../support/redis-sentinel.ts'
import type { RedisServer } from '../support/redis-server.ts'
import { type Stage, setStage } from '../worker/stage.ts'

const ENOUGH = 20
const LONG_MS = 180_000

const openSentinel = async () => {
  const redis = await startTestSentinel()
  return { redis, master: redis.master, replica: redis.replica, meta: 'bull:mail:meta' }
}

const openCluster = async () => {
  const redis = await startTestCluster({ isReplicated: true })
  return { redis, master: redis.home, replica: redis.replica, meta: '{bull}:mail:meta' }
}

/** Registers one after the other until it is stopped; who is refused, as the machine is busy, is owed no mail. */
const startLoad = (stage: Stage, name: string) => {
  const users: Awaited<ReturnType<Stage['register']>>[] = []
  let isStopped = false
  const running = (async () => {
    for (let number = 0; !isStopped; number += 1) {
      const user = await stage.register(`${name}${number}@example.com`).catch(() => null)
      if (user) users.push(user)
    }
  })()
  return {
    users,
    stop: () => {
      isStopped = true
      return running
    },
  }
}

const expectOneMailEach = async (stage: Stage, users: { email: string; mailId: string }[]) => {
  const unsettled = async () =>
    (await stage.pool.query("select 1 from mails where outcome is distinct from 'accepted'")).rowCount
  await expect.poll(unsettled).toBe(0)
  for (const { email } of users) expect([email, stage.provider.inbox(email)]).toEqual([email, [expect.anything()]])
}

const isMaster = async (server: RedisServer | null) =>
  (await server?.ask((redis) => redis.info('replication')))?.includes('role:master')

/** The workers' connections that wait for jobs at these, by their addresses. */
const waitsAt = async (servers: RedisServer[]): Promise<string[]> => {
  const lists = await Promise.all(servers.map((server) => server.ask((redis) => redis.call('CLIENT', 'LIST'))))
  const clients = lists.join('').split('\n')
  return clients.filter((client) => client.includes(' name={bull}:')).map((client) => client.split(' ')[1] ?? '')
}

/** Resolves when a wait that began at one of these has been given up for another. */
const untilWaitIsGivenUp = async (servers: RedisServer[]) => {
  await expect.poll(() => waitsAt(servers)).not.toEqual([])
  const first = await waitsAt(servers)
  await expect.poll(async () => (await waitsAt(servers)).filter((wait) => first.includes(wait))).toEqual([])
}

const kinds = [
  { kind: 'Sentinels', open: openSentinel },
  { kind: 'a Cluster', open: openCluster },
]

describe.runIf(inject('redis') === 'redis-server')('a master that goes away under load', () => {
  test.each(
    kinds.flatMap((one) => [
      { ...one, how: 'killed', end: (master: RedisServer) => master.kill() },
      { ...one, how: 'frozen', end: (master: RedisServer) => master.freeze() },
    ]),
  )('$how, behind $kind: its replica takes over, and everybody gets one mail', { timeout: LONG_MS }, async (given) => {
    const { open, end } = given
    const { redis, master, replica, meta } = await open()
    const stage = await setStage('redis', Promise.resolve(redis))
    onTestFinished(stage.close)
    await Promise.all([stage.startWorker(), stage.startWorker()])
    const load = startLoad(stage, 'failover')
    await expect.poll(() => stage.provider.requests.length).toBeGreaterThan(ENOUGH)
    await end(master)
    await expect.poll(() => isMaster(replica)).toBe(true)
    const before = stage.provider.requests.length
    await expect.poll(() => stage.provider.requests.length).toBeGreaterThan(before + ENOUGH)
    await load.stop()
    await expectOneMailEach(stage, load.users)
    expect(await replica?.ask((server) => server.exists(meta))).toBe(1)
  })

  test('in a Cluster that has no replica of it: mails wait in PostgreSQL until it is back, empty', {
    timeout: LONG_MS,
  }, async () => {
    const cluster = await startTestCluster()
    const stage = await setStage('redis', Promise.resolve(cluster))
    onTestFinished(stage.close)
    const worker = await stage.startWorker()
    const before = await stage.register('before@example.com')
    await expect.poll(() => stage.outcomeOf(before.mailId)).toBe('accepted')
    await cluster.home.kill()
    const users = [before]
    for (const number of [1, 2, 3]) users.push(await stage.register(`waits${number}@example.com`))
    await expect(worker.backend.check()).rejects.toThrow()
    expect(stage.provider.requests).toHaveLength(1)
    await untilWaitIsGivenUp(cluster.nodes.filter((node) => node !== cluster.home))
    await cluster.home.start()
    await expectOneMailEach(stage, users)
    await expect.poll(() => worker.backend.check()).toBeUndefined()
  })
})
