import { createServer } from 'node:net'

// Below the range from which the system serves outgoing connections: none of them takes the port while nobody listens on it.
const LOW = 20_000
const SHARE = 1250
const SHARES = 8

// Each of Vitest's workers looks in a share of its own.
const first = LOW + (Number(process.env.VITEST_POOL_ID ?? 0) % SHARES) * SHARE
// Another run on this machine begins elsewhere.
let next = Math.floor(Math.random() * SHARE)

/**
 * A port of the loopback that is free now, and very likely still is when its server starts, or comes back to it: the next
 * thousand that this process finds are others, whether their servers run yet or not.
 */
export const findFreePort = async (): Promise<number> => {
  const port = first + (next % SHARE)
  next += 1
  return (await isPortFree(port, '127.0.0.1')) ? port : findFreePort()
}

export const isPortFree = (port: number, host: string): Promise<boolean> =>
  new Promise((resolve) => {
    const probe = createServer().once('error', () => resolve(false))
    probe.listen(port, host, () => probe.close(() => resolve(true)))
  })
