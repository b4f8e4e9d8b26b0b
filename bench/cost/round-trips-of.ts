import { setTimeout as sleep } from 'node:timers/promises'
import { startContestant } from './contestants.ts'
import type { Tools } from './plan.ts'
import { startSlowProvider } from './provider.ts'
import { measureRequestTrips } from './request-trips.ts'
import { type CountingProxy, startCountingProxy } from './round-trips.ts'
import { generate } from './saturate.ts'

const IDLE_MS = 10_000

/** Round trips to PostgreSQL from a registration to its settled mail, counted on the wire, without those of an idle system. */
export const measureRoundTrips = async ({ backends, redis, say }: Tools): Promise<void> => {
  const provider = await startSlowProvider(0)
  for (const backend of backends) {
    let proxy: CountingProxy | null = null
    const contestant = await startContestant({
      program: 'ours',
      backend,
      bcryptCost: 4,
      mailUrl: provider.url,
      redis,
      settings: { RESEND_COOLDOWN_SECONDS: '0' },
      proxy: async (databaseUrl) => {
        proxy = await startCountingProxy(databaseUrl)
        return proxy.url
      },
    })
    const count = (): number => proxy?.trips() ?? 0
    const during = async (work: () => Promise<unknown>): Promise<number> => {
      const before = count()
      await work()
      return count() - before
    }
    const idle = (await during(() => sleep(IDLE_MS))) / (IDLE_MS / 1000)
    provider.reset()
    const begun = performance.now()
    let registered = 0
    const trips = await during(async () => {
      registered = (
        await generate({ url: contestant.apiUrl, connections: 1, seconds: 5, name: 'trips', perSecond: 20 })
      ).count
      await provider.mailed(registered)
    })
    const each = (trips - (idle * (performance.now() - begun)) / 1000) / registered
    say(
      `round trips to PostgreSQL, ${backend}: ${each.toFixed(1)} a registration with its mail; idle ${idle.toFixed(1)} a second`,
    )
    const means = await measureRequestTrips(contestant, provider, count)
    const told = Object.entries(means).map(([name, mean]) => `${name} ${mean.toFixed(1)}`)
    say(`round trips to PostgreSQL, ${backend}, by the api alone: ${told.join(', ')}`)
    await contestant.stop()
    ;(proxy as CountingProxy | null)?.close()
  }
  provider.close()
}
