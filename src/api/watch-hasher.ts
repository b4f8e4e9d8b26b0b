import { Gauge } from 'prom-client'
import { HashingOverloaded } from '../core/credentials/hashing-queue.ts'
import type { PasswordHasher } from '../core/credentials/password.ts'
import type { Registry } from '../core/process/telemetry/registry.ts'
import type { ApiMetrics } from './metrics.ts'

/** The same hasher, whose work is timed, and whose queue can be seen. */
export const watchHasher = (hasher: PasswordHasher, metrics: ApiMetrics, registry: Registry): PasswordHasher => {
  new Gauge({
    name: 'latchkey_hashing_waiting',
    help: 'Passwords that wait for a thread to be hashed or verified.',
    registers: [registry],
    collect() {
      this.set(hasher.waiting())
    },
  })
  const timed = async <Result>(work: 'hash' | 'verify', run: Promise<Result>): Promise<Result> => {
    const end = metrics.hashingSeconds.startTimer({ work })
    try {
      const result = await run
      end()
      return result
    } catch (error) {
      throw noteRefusal(error)
    }
  }
  const noteRefusal = (error: unknown): unknown => {
    if (error instanceof HashingOverloaded) metrics.hashingRefusals.inc()
    return error
  }
  return {
    hash: (...work) => timed('hash', hasher.hash(...work)),
    verify: (...work) => timed('verify', hasher.verify(...work)),
    checkRoom: (priority) => {
      try {
        hasher.checkRoom(priority)
      } catch (error) {
        throw noteRefusal(error)
      }
    },
    isOutdated: hasher.isOutdated,
    waiting: hasher.waiting,
  }
}
