import type { Stage } from '../worker/stage.ts'

const AT_ONCE = 25

/** Registers so many people, in the order of their numbers as far as that can be. */
export const registerCrowd = async (stage: Stage, name: string, count: number) => {
  const users: Awaited<ReturnType<Stage['register']>>[] = []
  for (let first = 0; first < count; first += AT_ONCE) {
    const numbers = Array.from({ length: Math.min(AT_ONCE, count - first) }, (_, index) => first + index)
    users.push(...(await Promise.all(numbers.map((number) => stage.register(`${name}${number}@example.com`)))))
  }
  return users
}

/** The mails of this database that are not settled, by their outcome otherwise. */
export const countOutcomes = async (stage: Stage): Promise<Record<string, number>> => {
  const found = await stage.pool.query<{ outcome: string; count: number }>(
    "select coalesce(outcome, 'waiting') as outcome, count(*)::integer as count from mails group by 1",
  )
  return Object.fromEntries(found.rows.map((row) => [row.outcome, row.count]))
}
