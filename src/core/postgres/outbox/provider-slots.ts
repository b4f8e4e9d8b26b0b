import type { Pool } from '../pool.ts'

/**
 * Takes the next place in the line of a provider that takes `perSecond` mails from all workers together, and gives the milliseconds
 * until it is due. Null, and no place is taken, when the line is longer than `maxWaitMs`.
 */
export const takeSlot = async (
  pool: Pool,
  slot: { provider: string; perSecond: number; maxWaitMs: number },
): Promise<number | null> => {
  const taken = await pool.query<{ waitMs: number }>(
    `insert into provider_slots as slot (provider, next_at)
     values ($1, now() + make_interval(secs => 1.0 / $2))
     on conflict (provider) do update
     set next_at = greatest(slot.next_at, now()) + make_interval(secs => 1.0 / $2)
     where slot.next_at <= now() + make_interval(secs => $3 / 1000.0)
     returning greatest(0, extract(epoch from next_at - make_interval(secs => 1.0 / $2) - now()) * 1000)::float8 as "waitMs"`,
    [slot.provider, slot.perSecond, slot.maxWaitMs],
  )
  return taken.rows[0]?.waitMs ?? null
}
