import { Redis } from 'ioredis'
import { inject } from 'vitest'
import { startTestCluster } from './redis-cluster.ts'
import { startTestSentinel } from './redis-sentinel.ts'
import { newRedisServer } from './redis-server.ts'

/**
 * `url` is for `REDIS_URL`, `dataUrl` the one server that has BullMQ's keys. `stop` and `start` again on the same ports are an
 * outage; nothing is kept over it, as after a failover to an empty replica.
 */
export type TestRedis = {
  url: string
  dataUrl: string
  start(): Promise<void>
  stop(): Promise<void>
  flush(): Promise<void>
}

/** A Redis of its own, of the kind that `REDIS_KIND` asks for; or a numbered database of `REDIS_URL`, which is emptied. */
export const startTestRedis = async (): Promise<TestRedis> => {
  if (inject('redis') === 'REDIS_URL') return useGivenRedis()
  switch (inject('redisKind')) {
    case 'single':
      return startSingleRedis()
    case 'sentinel':
      return startTestSentinel()
    case 'cluster':
      return startTestCluster()
  }
}

const startSingleRedis = async (): Promise<TestRedis> => {
  const server = await newRedisServer()
  await server.start()
  return {
    url: server.url,
    dataUrl: server.url,
    start: server.start,
    stop: server.kill,
    flush: () => server.ask((redis) => redis.flushall()).then(() => {}),
  }
}

const useGivenRedis = async (): Promise<TestRedis> => {
  const url = new URL(process.env.REDIS_URL ?? '')
  url.pathname = `/${1 + (Number(process.env.VITEST_POOL_ID ?? 0) % 15)}`
  const flush = async () => {
    const redis = new Redis(url.href, { maxRetriesPerRequest: null })
    await redis.flushdb().finally(() => redis.disconnect())
  }
  const impossible = () => Promise.reject(new Error('the Redis of REDIS_URL is not ours to stop'))
  await flush()
  return { url: url.href, dataUrl: url.href, start: impossible, stop: flush, flush }
}
