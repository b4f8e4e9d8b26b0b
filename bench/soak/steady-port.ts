import { createServer } from 'node:net'

// Below the range from which the system serves outgoing connections: nobody takes the port while its owner is down.
const LOW = 20_000
const HIGH = 30_000

/** A port that is free now, and very likely still is when a stopped server comes back to it. */
export const findSteadyPort = async (): Promise<number> => {
  const port = LOW + Math.floor(Math.random() * (HIGH - LOW))
  return (await isFree(port)) ? port : findSteadyPort()
}

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const probe = createServer().once('error', () => resolve(false))
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)))
  })
