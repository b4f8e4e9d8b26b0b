import { setTimeout as sleep } from 'node:timers/promises'
import { percentile } from '../percentile.ts'
import type { Contestant } from './contestants.ts'
import type { SlowProvider } from './provider.ts'

/** Milliseconds from the 202 to the mail's arrival at the provider, one registration after the other: median. */
export const measureIdleLatency = async (
  contestant: Contestant,
  provider: SlowProvider,
  round: string,
): Promise<number> => {
  const latencies: number[] = []
  for (let index = 0; index < 100; index += 1) {
    const arrived = Promise.withResolvers<number>()
    provider.onMail((_, at) => arrived.resolve(at))
    const answer = await fetch(`${contestant.apiUrl}/v1/users`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ email: `idle-${round}-${index}@example.com`, password: 'correct horse battery' }),
    })
    const answeredAt = performance.now()
    if (answer.status !== 202) throw new Error(`a registration was answered with ${answer.status}`)
    await answer.arrayBuffer()
    latencies.push((await arrived.promise) - answeredAt)
    await sleep(80)
  }
  provider.onMail(() => {})
  return percentile(latencies, 0.5)
}
