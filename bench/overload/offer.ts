import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

/** One request: its kind, its status, when it was sent after the first one, and how long its answer took. */
export type Sample = { kind: 'registration' | 'livez'; status: number; sentMs: number; tookMs: number }

export type Load = { url: string; ratePerSecond: number; seconds: number }

/** What was sent, and the processor time that sending took: on these cores it is missing to the api. */
export type Offered = { samples: Sample[]; cpuSeconds: number }

const isOffered = (message: unknown): message is Offered =>
  typeof message === 'object' && message !== null && 'samples' in message && 'cpuSeconds' in message

/** How a process of its own asks: at a steady rate, or from 200 connections that ask again at once whatever they are told. */
export type Manner = 'generator' | 'stubborn'

/** Offers registrations from a process of its own, and resolves when all are answered. */
export const offer = async (load: Load, manner: Manner = 'generator'): Promise<Offered> => {
  const generator = fork(join(import.meta.dirname, `${manner}.ts`), [JSON.stringify(load)])
  const [message] = await once(generator, 'message')
  generator.disconnect()
  if (!isOffered(message)) throw new Error('the generator sent no samples')
  return message
}
