import { once } from 'node:events'
import { Queue, Worker } from 'bullmq'
import type { Logger } from '../../core/process/logger.ts'
import type { BackendSettings, QueueBackend } from './queue-backend.ts'
import { connectFast, connectPatiently, type RedisClient } from './redis-clients.ts'
import { readRedisUrl } from './redis-url.ts'

// BullMQ's scripts touch many keys at once, and a Cluster runs them only where the braces put all on one node. Elsewhere the
// prefix is BullMQ's own, so that its tools find the queue.
const PREFIX = { single: 'bull', sentinel: 'bull', cluster: '{bull}' }

/**
 * BullMQ in Redis. Two kinds of connection: the queue's fails fast, so that the relay rolls back and tries again; the
 * workers' waits for as long as it takes, so that no completion is lost. Resolves when the first try to connect has ended,
 * well or not: the next ones come by themselves.
 */
export const openRedisBackend = async ({
  redisUrl,
  logger,
  signal,
}: BackendSettings & { redisUrl: string }): Promise<QueueBackend> => {
  const store = readRedisUrl(redisUrl)
  if (!store) throw new Error('REDIS_URL is not a URL of Redis')
  const prefix = PREFIX[store.kind]
  const fast = connectFast(store)
  const patient = connectPatiently(store)
  for (const redis of [fast, patient]) redis.on('error', (err) => logger.debug({ err }, 'Redis connection'))
  const reporting = reportOutages(fast, logger)
  await once(fast, 'ready', { signal }).catch(() => {})
  return {
    name: 'redis',
    newQueue: (name, options) =>
      new Queue(name, { ...options, prefix, connection: fast, skipVersionCheck: true, skipWaitingForReady: true }),
    newWorker: (name, processor, options) => new Worker(name, processor, { ...options, prefix, connection: patient }),
    pools: [],
    // Of a Cluster it asks the node that holds the queue.
    check: async () => void (await fast.exists(prefix)),
    close: async () => {
      reporting.stop()
      fast.disconnect()
      patient.disconnect()
    },
  }
}

/** One line when Redis goes, with the reason, and one when it is there: not one for each try to connect. */
const reportOutages = (redis: RedisClient, logger: Logger): { stop(): void } => {
  let reason: Error | undefined
  let isReported = false
  redis.on('error', (err) => {
    reason = reasonOf(err)
  })
  const report = () => {
    if (isReported) return
    isReported = true
    logger.warn(
      { err: reason },
      'Redis is not connected; mails wait in PostgreSQL and are offered again when it is back',
    )
  }
  redis.on('close', report)
  redis.on('ready', () => {
    logger.info('Redis is connected')
    isReported = false
    reason = undefined
  })
  return { stop: () => void redis.off('close', report) }
}

/** A Cluster that no node answers for hides what the last node said. */
const reasonOf = (error: Error): Error =>
  'lastNodeError' in error && error.lastNodeError instanceof Error ? error.lastNodeError : error
