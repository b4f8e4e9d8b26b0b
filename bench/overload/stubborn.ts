import { Pool } from 'undici'
import type { Load, Offered, Sample } from './offer.ts'

const CONNECTIONS = 200

/** Runs as a process of its own: each connection asks again at once, whatever it was told; `/livez` is asked ten times a second. */
const { url, seconds }: Load = JSON.parse(process.argv[2] ?? '')
const api = new Pool(url, { connections: CONNECTIONS, keepAliveTimeout: 60_000 })
const begun = performance.now()
const end = begun + seconds * 1000
const samples: Sample[] = []

const ask = async (kind: Sample['kind'], request: () => ReturnType<Pool['request']>): Promise<void> => {
  const sent = performance.now()
  const { statusCode, body } = await request()
  await body.dump()
  samples.push({ kind, status: statusCode, sentMs: sent - begun, tookMs: performance.now() - sent })
}

const insist = async (index: number): Promise<void> => {
  const body = JSON.stringify({ email: `person${index}@example.com`, password: 'correct horse battery' })
  const headers = { 'content-type': 'application/json' }
  while (performance.now() < end)
    await ask('registration', () => api.request({ method: 'POST', path: '/v1/users', headers, body }))
}

const probe = async (): Promise<void> => {
  const probes = new Pool(url, { connections: 1 })
  while (performance.now() < end) {
    await ask('livez', () => probes.request({ method: 'GET', path: '/livez' }))
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

await Promise.all([probe(), ...Array.from({ length: CONNECTIONS }, (_, index) => insist(index))])
process.once('disconnect', () => process.exit())
const { user, system } = process.cpuUsage()
process.send?.({ samples, cpuSeconds: (user + system) / 1e6 } satisfies Offered)
