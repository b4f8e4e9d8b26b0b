import { percentile } from '../percentile.ts'
import type { Backend } from './contestants.ts'

export type Tools = {
  backends: Backend[]
  redis: { url: string; pid: number } | null
  plan: { rounds: number; seconds: number; users: number }
  say(line: string): void
}

export const median = (values: number[]): number => percentile(values, 0.5)
