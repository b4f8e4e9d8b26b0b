import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

const GENERATOR = join(import.meta.dirname, 'generator.ts')

/** One request: its kind, its status, when it was sent after the first one, and how long its answer took. */
export type Sample = { kind: 'registration' | 'livez'; status: number; sentMs: number; tookMs: number }

export type Load = { url: string; ratePerSecond: number; seconds: number }

/** What was sent, and the processor time that sending took: on these cores it is missing to the api. */
export type Offered = { samples: Sample[]; cpuSeconds: number }

const isOffered = (message: unknown): message is Offered =>
  typeof message === 'object' && message !== null && 'samples' in message && 'cpuSeconds' in message

/** Offers registrations at a steady rate from a process of its own, and resolves when all are answered. */
export const offer = async (load: Load): Promise<Offered> => {
  const generator = fork(GENERATOR, [JSON.stringify(load)])
  const [message] = await once(generator, 'message')
  generator.disconnect()
  if (!isOffered(message)) throw new Error('the generator sent no samples')
  return message
}
