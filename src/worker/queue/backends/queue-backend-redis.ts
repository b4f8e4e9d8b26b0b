import { once } from 'node:events'
import { createRedisBackend, Queue, withBackend } from 'bullmq'
import { createOutageLog, type OutageLog } from '../../../core/process/outage-log.ts'
import type { BackendSettings, QueueBackend } from '../queue-backend.ts'
import { asPlainWorker, isStoreTrouble, paced } from './paced-backend.ts'
import { connectFast, connectPatiently, type RedisClient } from './redis-clients.ts'
import { readRedisUrl } from './redis-url.ts'

const DEFAULT_PREFIX = 'bull'
// A Cluster that tells neither that it is ready nor of an error keeps nobody from starting.
const FIRST_CONNECT_MS = 5000

/**
 * BullMQ in Redis. Two kinds of connection: the queue's fails fast, so that the relay rolls back and tries again; the
 * workers' waits for as long as it takes, so that no completion is lost. Resolves when the first try to connect has ended,
 * well or not: the next ones come by themselves. No command needs more rights than docs/operations.md names.
 */
export const openRedisBackend = async (settings: BackendSettings & { redisUrl: string }): Promise<QueueBackend> => {
  const { logger, signal } = settings
  const store = readRedisUrl(settings.redisUrl)
  if (!store) throw new Error('REDIS_URL is not a URL of Redis')
  const prefix = prefixOf(settings.prefix ?? DEFAULT_PREFIX, store.kind)
  const fast = connectFast(store)
  const patient = connectPatiently(store)
  for (const redis of [fast, patient]) redis.on('error', (err) => logger.debug({ err }, 'Redis connection'))
  const outages = createOutageLog(logger, {
    begins: 'Redis is unavailable; mails wait in PostgreSQL and are enqueued again when it is back',
    ends: 'Redis works again',
  })
  const reporting = reportLosses(fast, outages)
  const first = AbortSignal.any([signal, AbortSignal.timeout(FIRST_CONNECT_MS)])
  await once(fast, 'ready', { signal: first }).catch(() => {})
  const OnRedis = withBackend(paced(createRedisBackend, outages))
  // BullMQ asks for the version with INFO, which is among the dangerous commands.
  const common = { prefix, skipVersionCheck: true }
  return {
    name: 'redis',
    outages,
    newQueue: (name, options) => {
      const queue = new Queue(name, { ...options, ...common, connection: fast, skipWaitingForReady: true })
      return queue.on('error', (err) => logger.debug({ err, queue: name }, 'a queue reports trouble'))
    },
    newWorker: (name, processor, options) => {
      const worker = asPlainWorker(new OnRedis.Worker(name, processor, { ...options, ...common, connection: patient }))
      return worker.on('error', (err) => (isStoreTrouble(err) ? outages.failed(err) : logger.debug({ err }, 'a job')))
    },
    pools: [],
    // Of a Cluster it asks the node that holds the queue.
    check: async () => void (await fast.exists(`${prefix}:`)),
    close: async () => {
      reporting.stop()
      fast.disconnect()
      patient.disconnect()
    },
  }
}

// BullMQ's scripts touch many keys at once, and a Cluster runs them only where the braces put all on one node. Elsewhere the
// prefix stands as it is, so that BullMQ's tools find the queue.
const prefixOf = (prefix: string, kind: 'single' | 'sentinel' | 'cluster'): string =>
  kind === 'cluster' ? `{${prefix}}` : prefix

const reportLosses = (redis: RedisClient, outages: OutageLog): { stop(): void } => {
  let reason: Error | undefined
  redis.on('error', (err) => {
    reason = reasonOf(err)
  })
  redis.on('ready', () => {
    reason = undefined
  })
  const report = () => outages.failed(reason ?? new Error('the connection was closed'))
  redis.on('close', report)
  return { stop: () => void redis.off('close', report) }
}

/** A Cluster that no node answers for hides what the last node said. */
const reasonOf = (error: Error): Error =>
  'lastNodeError' in error && error.lastNodeError instanceof Error ? error.lastNodeError : error
