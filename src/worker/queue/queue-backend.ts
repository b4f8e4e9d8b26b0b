import type { Processor, Queue, QueueOptions, Worker, WorkerOptions } from 'bullmq'
import type { Pool } from '../../core/postgres/pool.ts'
import type { Logger } from '../../core/process/logger.ts'

/** Where BullMQ keeps its jobs. */
export type QueueBackend = {
  name: 'redis' | 'postgresql'
  newQueue(name: string, options: Omit<QueueOptions, 'connection'>): Queue
  newWorker(name: string, processor: Processor, options: Omit<WorkerOptions, 'connection'>): Worker
  /** The connections to PostgreSQL that it keeps for itself. */
  pools: Pool[]
  /** Rejects when the store cannot be reached. */
  check(): Promise<void>
  close(): Promise<void>
}

export type BackendSettings = {
  redisUrl: string | undefined
  databaseUrl: string
  connections: number
  logger: Logger
  signal: AbortSignal
}
