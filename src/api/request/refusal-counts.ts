const WINDOW_MS = 2000

/** Counts the refusals of each network in a window of one to two times two seconds; what is older is forgotten as a whole. */
export const createRefusalCounts = () => {
  let [former, current] = [new Map<string, number>(), new Map<string, number>()]
  let began = performance.now()
  return {
    /** Adds one, and gives how many there are now. */
    add: (network: string): number => {
      const now = performance.now()
      if (now - began > WINDOW_MS) {
        former = now - began > 2 * WINDOW_MS ? new Map() : current
        current = new Map()
        began = now
      }
      const count = (current.get(network) ?? 0) + 1
      current.set(network, count)
      return count + (former.get(network) ?? 0)
    },
  }
}
