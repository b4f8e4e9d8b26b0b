import type { Processor, Queue, QueueOptions, Worker, WorkerOptions } from 'bullmq'
import type { Pool } from '../../core/postgres/pool.ts'
import type { Logger } from '../../core/process/logger.ts'
import type { OutageLog } from '../../core/process/outage-log.ts'

/** Where BullMQ keeps its jobs. */
export type QueueBackend = {
  name: 'redis' | 'postgresql'
  /** Hears what works and what fails of the store: who meets a failure tells it here and logs no line of its own. */
  outages: OutageLog
  newQueue(name: string, options: Omit<QueueOptions, 'connection'>): Queue
  /** Its workers pause after a failure of the store, and tell `outages`. */
  newWorker(name: string, processor: Processor, options: Omit<WorkerOptions, 'connection'>): Worker
  /** The connections to PostgreSQL that it keeps for itself. */
  pools: Pool[]
  /** Rejects when the store cannot be reached. */
  check(): Promise<void>
  close(): Promise<void>
}

/**
 * `schema` is that of our tables; BullMQ's own is named after it. `prefix` is that of the keys in Redis. `outages` are those of the
 * PostgreSQL that is ours, too.
 */
export type BackendSettings = {
  redisUrl: string | undefined
  databaseUrl: string
  connections: number
  schema?: string
  prefix?: string
  outages?: OutageLog
  logger: Logger
  signal: AbortSignal
}
