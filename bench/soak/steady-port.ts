import { createServer } from 'node:net'

// Below the range from which the system serves outgoing connections: nobody takes the port while its owner is down.
const LOW = 20_000
const SHARE = 1250
const SHARES = 8

// Each of Vitest's workers looks in a share of its own.
const first = LOW + (Number(process.env.VITEST_POOL_ID ?? 0) % SHARES) * SHARE
// Another run on this machine begins elsewhere.
let next = Math.floor(Math.random() * SHARE)

/**
 * A port that is free now, and very likely still is when a stopped server comes back to it: the next thousand that this
 * process finds are others, whether their servers run yet or not.
 */
export const findSteadyPort = async (): Promise<number> => {
  const port = first + (next % SHARE)
  next += 1
  return (await isFree(port)) ? port : findSteadyPort()
}

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const probe = createServer().once('error', () => resolve(false))
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)))
  })
