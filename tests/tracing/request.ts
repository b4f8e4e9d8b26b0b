import type { TestProcess } from '../support/processes.ts'

/** The caller's trace, and the span in it that the request belongs to. */
export const TRACE_ID = '0af7651916cd43dd8448eb211c80319c'
export const CALLER = 'b7ad6b7169203331'

export const ADDRESS = 'canary.t4v8n@trace-canary.example'
export const PASSWORD = 'canary-Pässwort-z6h2w'

export const linesOf = (process: TestProcess): Record<string, unknown>[] =>
  process
    .log()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
