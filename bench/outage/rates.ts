/** How many of the times (in order, in milliseconds) lie in each window of `windowMs` from `from` to `to`. */
export const countPerWindow = (times: number[], from: number, to: number, windowMs: number): number[] => {
  const counts = Array.from({ length: Math.max(1, Math.ceil((to - from) / windowMs)) }, () => 0)
  for (const at of times) {
    const index = Math.floor((at - from) / windowMs)
    if (at >= from && at < to) counts[index] = (counts[index] ?? 0) + 1
  }
  return counts
}

/** The most that lie in any span of `spanMs`, wherever it begins. */
export const mostWithin = (times: number[], spanMs: number): number => {
  let most = 0
  let first = 0
  for (const [index, at] of times.entries()) {
    while (at - (times[first] ?? at) >= spanMs) first += 1
    most = Math.max(most, index - first + 1)
  }
  return most
}
