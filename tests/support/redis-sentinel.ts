import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Redis } from 'ioredis'
import { vi } from 'vitest'
import { PATIENT } from './patient.ts'
import type { TestRedis } from './redis.ts'
import { dataServer, newRedisServer, type RedisServer } from './redis-server.ts'

const NAME = 'latchkey'
const SENTINELS = 3
const QUORUM = 2
const ANNOUNCE_MS = 100

/** The `replica` follows the `master`, and takes its place when the Sentinels find that it is dead. */
export type TestSentinel = TestRedis & { master: RedisServer; replica: RedisServer }

/** A master, its replica, and three Sentinels that watch them. */
export const startTestSentinel = async (): Promise<TestSentinel> => {
  const master = await newRedisServer()
  const replica = await newRedisServer(dataServer('--replicaof', '127.0.0.1', String(master.port)))
  let folder = ''
  const sentinels: RedisServer[] = []
  while (sentinels.length < SENTINELS)
    sentinels.push(await newRedisServer((port) => [join(folder, `${port}.conf`), '--sentinel']))
  const start = async () => {
    folder = await mkdtemp(join(tmpdir(), 'latchkey-sentinel-'))
    for (const { port } of sentinels) await writeFile(join(folder, `${port}.conf`), configOf(port, master.port))
    await Promise.all([master, replica].map((server) => server.start()))
    await vi.waitFor(() => checkSynced(replica), PATIENT)
    await Promise.all(sentinels.map((sentinel) => sentinel.start()))
    await Promise.all(sentinels.map((sentinel) => sentinel.ask(announceOften)))
    await Promise.all(sentinels.map((sentinel) => vi.waitFor(() => checkQuorum(sentinel), PATIENT)))
  }
  await start()
  return {
    url: `redis+sentinel://${sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',')}/${NAME}`,
    dataUrl: master.url,
    master,
    replica,
    start,
    stop: async () => {
      await Promise.all([...sentinels, master, replica].map((server) => server.kill()))
      await rm(folder, { recursive: true, force: true })
    },
    flush: () => master.ask((redis) => redis.flushall()).then(() => {}),
  }
}

const configOf = (port: number, masterPort: number): string => `
port ${port}
bind 127.0.0.1
sentinel monitor ${NAME} 127.0.0.1 ${masterPort} ${QUORUM}
sentinel down-after-milliseconds ${NAME} 1000
sentinel failover-timeout ${NAME} 4000
`

const checkSynced = async (replica: RedisServer): Promise<void> => {
  const info = await replica.ask((redis) => redis.info('replication'))
  if (!info.includes('master_link_status:up')) throw new Error(info)
}

/** By default the Sentinels tell of themselves every 2 s. */
const announceOften = (redis: Redis) => redis.call('SENTINEL', 'DEBUG', 'PUBLISH-PERIOD', ANNOUNCE_MS)

/** Rejects until the Sentinels know of each other and of the replica. */
const checkQuorum = async (sentinel: RedisServer): Promise<void> => {
  await sentinel.ask((redis) => redis.call('SENTINEL', 'CKQUORUM', NAME))
  const replicas = await sentinel.ask((redis) => redis.call('SENTINEL', 'REPLICAS', NAME))
  if (!Array.isArray(replicas) || replicas.length === 0) throw new Error('the replica is not known yet')
}
