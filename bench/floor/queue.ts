import { createPostgresBackend, isPgPool, type Processor, Queue, Worker, withBackend } from 'bullmq'
import { Redis } from 'ioredis'
import pg from 'pg'

export type BareQueue = {
  add(ids: string[]): Promise<unknown>
  work(processor: Processor, concurrency: number): Promise<void>
  close(): Promise<void>
}

const JOB = 'send-code'
const KEEP = { removeOnComplete: true, removeOnFail: { count: 1000 }, attempts: 1000 }
// What BullMQ asks of a worker whose jobs must come back soon after a crash; the same as ours.
const LOCKS = { lockDuration: 5000, stalledInterval: 2500 }

/** BullMQ as its own pages show it, on Redis or in PostgreSQL. */
export const openBareQueue = async (
  name: string,
  redisUrl: string | undefined,
  databaseUrl: string,
): Promise<BareQueue> => {
  const store = redisUrl === undefined ? onPostgres(databaseUrl) : onRedis(redisUrl)
  const queue = store.newQueue(name)
  await queue.waitUntilReady()
  const workers: { close(force: boolean): Promise<void> }[] = []
  return {
    add: (ids) => queue.addBulk(ids.map((id) => ({ name: JOB, data: { mailId: id }, opts: { jobId: id, ...KEEP } }))),
    work: async (processor, concurrency) => {
      const worker = store.newWorker(name, processor, { concurrency, ...LOCKS })
      workers.push(worker)
      await worker.waitUntilReady()
    },
    close: async () => {
      for (const worker of workers) await worker.close(true)
      await queue.close()
      await store.close()
    },
  }
}

type Options = { concurrency: number; lockDuration: number; stalledInterval: number }

const onPostgres = (databaseUrl: string) => {
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 12, options: '-c search_path=bullmq' })
  const connection: unknown = pool
  if (!isPgPool(connection)) throw new Error('BullMQ does not know this pool')
  const OnPostgres = withBackend(createPostgresBackend)
  return {
    newQueue: (name: string) => new OnPostgres.Queue(name, { connection }),
    newWorker: (name: string, processor: Processor, options: Options) =>
      new OnPostgres.Worker(name, processor, { connection, ...options }),
    close: () => pool.end(),
  }
}

const onRedis = (redisUrl: string) => {
  const connect = () => new Redis(redisUrl, { maxRetriesPerRequest: null })
  const clients: Redis[] = []
  const connection = () => {
    const client = connect()
    clients.push(client)
    return client
  }
  return {
    newQueue: (name: string) => new Queue(name, { connection: connection() }),
    newWorker: (name: string, processor: Processor, options: Options) =>
      new Worker(name, processor, { connection: connection(), ...options }),
    close: async () => {
      for (const client of clients) client.disconnect()
    },
  }
}
