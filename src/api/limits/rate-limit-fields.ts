import type { Budget } from '../../core/process/config.ts'

/** A budget by its name in the fields, what is spent of it, and how long its window lasts yet. */
export type Standing = { name: string; budget: Budget; spent: number; msLeft: number }

export const secondsLeft = ({ msLeft }: Standing): number => Math.max(1, Math.ceil(msLeft / 1000))

/** The fields of draft-ietf-httpapi-ratelimit-headers-10; none without a budget. */
export const rateLimitFields = (standings: Standing[]): Record<string, string> => {
  if (standings.length === 0) return {}
  return {
    'RateLimit-Policy': standings.map(({ name, budget }) => `"${name}";q=${budget.max};w=${budget.seconds}`).join(', '),
    RateLimit: standings
      .map((it) => `"${it.name}";r=${Math.max(0, it.budget.max - it.spent)};t=${secondsLeft(it)}`)
      .join(', '),
  }
}
