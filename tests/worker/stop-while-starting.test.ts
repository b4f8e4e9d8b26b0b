import { connect, createServer } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { useTestDatabase } from '../support/database.ts'
import { requiredVariables, spawnProgram } from './spawn-program.ts'

/** A PostgreSQL whose answers are held back, once this word was asked, until `release`. */
const startHeldBack = async (databaseUrl: string, word: string) => {
  const url = new URL(databaseUrl)
  const [host, port] = [url.hostname, Number(url.port)]
  const gate = Promise.withResolvers<void>()
  let isAsked = false
  const server = createServer((client) => {
    const upstream = connect(port, host)
    client
      .on('data', (chunk) => {
        isAsked ||= chunk.includes(word)
        upstream.write(chunk)
      })
      .on('error', () => upstream.destroy())
      .on('close', () => upstream.destroy())
    upstream
      .on('data', (chunk) => (isAsked ? void gate.promise.then(() => client.write(chunk)) : client.write(chunk)))
      .on('error', () => client.destroy())
      .on('close', () => client.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const address = server.address()
  url.port = typeof address === 'object' && address ? String(address.port) : ''
  return { url: url.href, isAsked: () => isAsked, release: gate.resolve }
}

test('a worker that is told to stop while its jobs are being started finishes that, and stops in order', async () => {
  const database = await useTestDatabase()
  const postgres = await startHeldBack(database.url, 'latchkey_mails')
  const worker = spawnProgram('worker', {
    ...requiredVariables(postgres.url),
    OPS_PORT: '0',
    MAIL_URL: 'http://127.0.0.1:9',
  })
  await expect.poll(postgres.isAsked).toBe(true)
  worker.child.kill('SIGTERM')
  await expect.poll(worker.out).toContain('stopping: work in progress is finished')
  postgres.release()
  await worker.closed
  expect(worker.child.exitCode).toBe(0)
  expect(worker.out()).toContain('"msg":"stopped"')
  expect(worker.out()).not.toContain('stopped before everything was finished')
})
