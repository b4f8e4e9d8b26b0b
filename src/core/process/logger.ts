import { pino } from 'pino'
import { traceFields } from './telemetry/tracing.ts'

export type Logger = pino.Logger

// Synchronous: what is buffered when the reader of stdout is gone keeps sonic-boom's flush at exit in an endless loop.
const stdout = () => pino.destination({ dest: 1, sync: true })

/**
 * JSON lines, on stdout unless told, with the trace's id where there is one. Errors carry type, message and stack only: no SQL detail,
 * no request.
 */
export const createLogger = (level: string, service: string, out: pino.DestinationStream = stdout()): Logger =>
  pino(
    {
      level,
      base: { service, pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: describeErrors() },
      mixin: traceFields,
    },
    out,
  )

const MAX_STACKS = 1000

/**
 * What a log may show of an error: PostgreSQL puts row values into `detail`, so only named members pass. A stack is shown once: it tells
 * nothing new when the same fault comes again.
 */
const describeErrors = () => {
  const shown = new Set<string>()
  const isNew = (stack: string): boolean => {
    const frames = stack.slice(stack.indexOf('\n    at '))
    if (shown.has(frames)) return false
    if (shown.size >= MAX_STACKS) shown.clear()
    shown.add(frames)
    return true
  }
  return (error: unknown): unknown => {
    if (!(error instanceof Error)) return { message: 'not an Error' }
    const { name: type, message, stack } = error
    const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined
    return { type, message, code, ...(stack !== undefined && isNew(stack) && { stack }) }
  }
}
