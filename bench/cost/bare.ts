import { availableParallelism } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { hash } from '@node-rs/bcrypt'
import { Agent, request } from 'undici'
import { openBareQueue } from '../floor/queue.ts'
import { percentile } from '../percentile.ts'
import type { SlowProvider } from './provider.ts'

/** Passwords a second that bcrypt alone hashes on all cores. */
export const hashBare = async (cost: number, seconds: number): Promise<number> => {
  const end = performance.now() + seconds * 1000
  const begun = performance.now()
  let count = 0
  const hashOn = async () => {
    for (; performance.now() < end; count += 1) await hash('correct horse battery', { cost })
  }
  await Promise.all(Array.from({ length: availableParallelism() }, hashOn))
  return (count * 1000) / (performance.now() - begun)
}

type Store = { redisUrl: string | undefined; databaseUrl: string }

/** BullMQ alone, with undici calling the provider: what `add` to arrival takes in ms, and mails a second with so many at once. */
export const queueBare = async (
  store: Store,
  provider: SlowProvider,
  drain: { mails: number; concurrency: number },
) => {
  const agent = new Agent({ connections: drain.concurrency })
  const queue = await openBareQueue(`bare-${Date.now()}`, store.redisUrl, store.databaseUrl)
  await queue.work(async ({ data }) => {
    const { body } = await request(`${provider.url}/emails`, {
      dispatcher: agent,
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ from: 'bare@example.com', to: data.mailId, subject: 'bare', text: '1234' }),
    })
    await body.json()
  }, drain.concurrency)
  const latencies: number[] = []
  for (let index = 0; index < 100; index += 1) {
    const arrived = Promise.withResolvers<number>()
    provider.onMail((_, at) => arrived.resolve(at))
    const at = performance.now()
    await queue.add([`idle-${index}`])
    latencies.push((await arrived.promise) - at)
    await sleep(80)
  }
  provider.onMail(() => {})
  provider.reset()
  const begun = performance.now()
  for (let index = 0; index < drain.mails; index += 100)
    await queue.add(Array.from({ length: 100 }, (_, offset) => `drain-${index + offset}`))
  await provider.mailed(drain.mails)
  const perSecond = (drain.mails * 1000) / (performance.now() - begun)
  await queue.close()
  await agent.close()
  return { idleMs: percentile(latencies, 0.5), perSecond }
}
