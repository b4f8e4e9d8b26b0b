import { spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { findFreePort } from '../dev/embedded-postgres.ts'
import { startProvider, startStack } from './stack.ts'

const REGISTRATIONS = 200
const PAUSE_MS = 20

/** Milliseconds from the 202 to the provider's receipt, one registration after the other on an idle system, on each backend. */
const measure = async (redisUrl: string | undefined): Promise<number[]> => {
  const receipts = new Map<string, PromiseWithResolvers<number>>()
  const provider = await startProvider((to, at) => receipts.get(to)?.resolve(at))
  const stack = await startStack(provider.url, redisUrl)
  const latencies: number[] = []
  for (let index = 0; index < REGISTRATIONS; index += 1) {
    const email = `person${index}@example.com`
    const receipt = Promise.withResolvers<number>()
    receipts.set(email, receipt)
    const body = JSON.stringify({ email, password: 'correct horse battery' })
    const answer = await fetch(`${stack.apiUrl}/v1/users`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    })
    if (answer.status !== 202) throw new Error(`registration answered ${answer.status}`)
    const answered = performance.now()
    latencies.push((await receipt.promise) - answered)
    await sleep(PAUSE_MS)
  }
  await stack.stop()
  provider.close()
  return latencies.toSorted((a, b) => a - b)
}

const report = (backend: string, sorted: number[]): void => {
  const at = (share: number) => (sorted[Math.floor(share * (sorted.length - 1))] ?? 0).toFixed(1)
  process.stdout.write(
    `${backend.padEnd(12)} median ${at(0.5)} ms, p95 ${at(0.95)} ms, worst ${at(1)} ms over ${sorted.length}\n`,
  )
}

report('postgresql', await measure(undefined))
const port = await findFreePort()
const redis = spawn('redis-server', ['--port', String(port), '--save', '', '--bind', '127.0.0.1'], { stdio: 'ignore' })
const started = await Promise.race([
  new Promise<boolean>((resolve) => redis.once('error', () => resolve(false))),
  sleep(500).then(() => true),
])
if (started) report('redis', await measure(`redis://127.0.0.1:${port}`))
else process.stdout.write('redis        not measured: there is no redis-server\n')
redis.kill()
