/** At most so many in so many seconds. */
export type Limit = { max: number; seconds: number }
export type Counts = ReturnType<typeof createCounts>

/** How often what happened, as a service with no other window than the needed ones would count it. */
export const createCounts = (now: () => number) => {
  const times = new Map<string, number[]>()
  const timesOf = (what: string) => times.get(what) ?? []
  return {
    add: (what: string): void => void times.set(what, [...timesOf(what), now()]),
    /** In the seconds that end now. */
    lately: (what: string, seconds: number): number => timesOf(what).filter((at) => at > now() - seconds).length,
    /** In windows each of which begins with the first event after the former. */
    isFull: (what: string, limits: Limit[]): boolean =>
      limits.some(({ max, seconds }) => {
        const from = timesOf(what).reduce((begun, at) => (at < begun + seconds ? begun : at), Number.NEGATIVE_INFINITY)
        return now() < from + seconds && timesOf(what).filter((at) => at >= from).length >= max
      }),
  }
}
