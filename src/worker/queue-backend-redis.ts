import { Queue, Worker } from 'bullmq'
import { Redis } from 'ioredis'
import type { BackendSettings, QueueBackend } from './queue-backend.ts'

const CONNECT_TIMEOUT_MS = 2000
const COMMAND_TIMEOUT_MS = 3000
const MAX_RECONNECT_MS = 1000

const retryStrategy = (times: number): number => Math.min(times * 100, MAX_RECONNECT_MS)

/**
 * BullMQ in Redis. Two kinds of connection: the queue's fails fast, so that the relay rolls back and tries again; the
 * workers' waits for as long as it takes, so that no completion is lost.
 */
export const openRedisBackend = async ({
  redisUrl,
  logger,
}: BackendSettings & { redisUrl: string }): Promise<QueueBackend> => {
  const common = { connectTimeout: CONNECT_TIMEOUT_MS, retryStrategy }
  const fast = new Redis(redisUrl, {
    ...common,
    enableOfflineQueue: false,
    commandTimeout: COMMAND_TIMEOUT_MS,
    maxRetriesPerRequest: 1,
  })
  const patient = new Redis(redisUrl, { ...common, maxRetriesPerRequest: null })
  for (const redis of [fast, patient]) redis.on('error', (err) => logger.debug({ err }, 'Redis connection'))
  fast.on('close', () =>
    logger.warn('Redis is not connected; mails wait in PostgreSQL and are offered again when it is back'),
  )
  fast.on('ready', () => logger.info('Redis is connected'))
  return {
    name: 'redis',
    newQueue: (name, options) =>
      new Queue(name, { ...options, connection: fast, skipVersionCheck: true, skipWaitingForReady: true }),
    newWorker: (name, processor, options) => new Worker(name, processor, { ...options, connection: patient }),
    pools: [],
    check: async () => void (await fast.ping()),
    close: async () => {
      fast.removeAllListeners('close')
      fast.disconnect()
      patient.disconnect()
    },
  }
}
