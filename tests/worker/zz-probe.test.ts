import { test } from 'vitest'
import { Queue, Worker, withBackend, createPostgresBackend } from 'bullmq'
import pg from 'pg'
import { setStage } from './stage.ts'
test('float', async () => {
  const stage = await setStage('postgresql')
  const On: any = withBackend(createPostgresBackend as any)
  const connection = new pg.Pool({ connectionString: stage.database.url, options: '-c search_path=bullmq' })
  const queue = new On.Queue('probe', { connection, defaultJobOptions: { attempts: 5, backoff: { type: 'custom' } } })
  await queue.waitUntilReady()
  const worker = new On.Worker('probe', async (job: any) => { console.log('run', job.attemptsMade, Date.now()); throw new Error('x') }, { connection, lockDuration: 5000, stalledInterval: 2500, settings: { backoffStrategy: () => 312.345 } })
  worker.on('error', (e: any) => console.log('ERROR', e.message))
  await queue.add('a', {})
  await new Promise((r) => setTimeout(r, 9000))
  await worker.close()
  await connection.end()
  await stage.close()
}, 20000)
