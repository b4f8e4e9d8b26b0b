const BASE_MS = 1000
// Who waits at the screen when the provider is back waits no longer than this, nor half of it in the mean.
const CAP_MS = 30_000
const FLOOR_MS = 250

/**
 * Milliseconds to wait after the given try (the first is 1): exponential, capped at half a minute unless told, with full jitter
 * (Brooker, "Exponential Backoff and Jitter", 2015), so that a crowd does not come back at the same moment.
 */
export const backOffMs = (attempt: number, random: () => number = Math.random, capMs = CAP_MS): number =>
  Math.max(FLOOR_MS, Math.round(random() * Math.min(capMs, BASE_MS * 2 ** (attempt - 1))))
