import { setTimeout as sleep } from 'node:timers/promises'
import { Pool } from 'undici'
import type { Load, Offered, Sample } from './offer.ts'

const LIVEZ_PER_SECOND = 10
const MAX_CONNECTIONS = 512

/** Runs as a process of its own: sends at fixed times, whatever became of what was sent before, over kept-alive connections. */
const { url, ratePerSecond, seconds }: Load = JSON.parse(process.argv[2] ?? '')
const api = new Pool(url, { connections: MAX_CONNECTIONS, keepAliveTimeout: 60_000 })
const begun = performance.now()

const send = async (kind: Sample['kind'], index: number): Promise<Sample> => {
  const sent = performance.now()
  const { statusCode, body } =
    kind === 'livez'
      ? await api.request({ method: 'GET', path: '/livez' })
      : await api.request({
          method: 'POST',
          path: '/v1/users',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ email: `person${index}@example.com`, password: 'correct horse battery' }),
        })
  await body.dump()
  return { kind, status: statusCode, sentMs: sent - begun, tookMs: performance.now() - sent }
}

const sendAll = async (kind: Sample['kind'], perSecond: number): Promise<Sample[]> => {
  const answers: Promise<Sample>[] = []
  for (let index = 0; index < perSecond * seconds; index += 1) {
    await sleep(Math.max(0, begun + (index * 1000) / perSecond - performance.now()))
    answers.push(send(kind, index))
  }
  return Promise.all(answers)
}

const samples = await Promise.all([sendAll('registration', ratePerSecond), sendAll('livez', LIVEZ_PER_SECOND)])
process.once('disconnect', () => process.exit())
const { user, system } = process.cpuUsage()
process.send?.({ samples: samples.flat(), cpuSeconds: (user + system) / 1e6 } satisfies Offered)
