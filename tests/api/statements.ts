import pg from 'pg'
import { vi } from 'vitest'

/** The first words of the statements that `work` waits for, by round trip: what is sent before another is answered shares its trip. */
export const roundTrips = async (work: () => Promise<unknown>): Promise<string[][]> => {
  const trips: string[][] = []
  let underWay = 0
  const query = pg.Client.prototype.query
  const spy = vi.spyOn(pg.Client.prototype, 'query').mockImplementation(function (this: pg.Client, ...call: unknown[]) {
    const [first] = call
    const text = typeof first === 'object' && first !== null && 'text' in first ? String(first.text) : String(first)
    if (text.includes('pg_notify')) return Reflect.apply(query, this, call)
    if (underWay === 0) trips.push([])
    trips.at(-1)?.push(text.trim().split(/\s/)[0] ?? '')
    underWay += 1
    const answered = () => {
      underWay -= 1
    }
    // The pool passes a function, and a transaction awaits.
    const last = call.at(-1)
    const told = (...result: unknown[]) => {
      answered()
      if (typeof last === 'function') last(...result)
    }
    const sent: unknown = Reflect.apply(query, this, typeof last === 'function' ? [...call.slice(0, -1), told] : call)
    if (sent instanceof Promise) sent.then(answered, answered)
    return sent
  })
  await work().finally(() => spy.mockRestore())
  return trips
}
