import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import { vi } from 'vitest'
import { startChild } from '../../dev/child.ts'
import { findFreePort } from '../../dev/free-port.ts'
import { untilReady } from '../../dev/until-ready.ts'
import { startApi } from '../../src/api/main.ts'
import type { Environment } from '../../src/core/process/config.ts'
import type { Begin } from '../../src/core/process/lifecycle.ts'
import { createLogger } from '../../src/core/process/logger.ts'
import { startWorker } from '../../src/worker/main.ts'
import { QUICK } from './api.ts'
import { PATIENT } from './patient.ts'

type Name = 'api' | 'worker'

export type TestProgram = {
  url: string
  opsUrl: string
  /** All that it has logged so far. */
  log(): string
  stop(): Promise<void>
}

export type TestProcess = Omit<TestProgram, 'stop'> & {
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>
}

/** The real program in a process of its own, ready when this resolves. */
export const startProcess = async (name: Name, environment: Environment): Promise<TestProcess> => {
  const output = new PassThrough()
  const chunks: Buffer[] = []
  output.on('data', (chunk) => chunks.push(chunk))
  const { url, opsUrl, settings } = await findPlace(environment)
  const child = startChild(`src/${name}/main.ts`, { PATH: process.env.PATH, ...settings }, output)
  await untilReady(child.process, untilProgramReady(opsUrl))
  return {
    url,
    opsUrl,
    log: () => Buffer.concat(chunks).toString('utf8'),
    stop: () => end(child.process, 'SIGTERM'),
    kill: async () => void (await end(child.process, 'SIGKILL')),
  }
}

/**
 * The same program in the test's own process, for all that is no matter of processes: signals, exits, crashes, what is one for a
 * whole process, such as traces. Starts in a tenth of the time.
 */
export const startProgram = async (name: Name, environment: Environment): Promise<TestProgram> => {
  const lines: string[] = []
  const closers: (() => unknown)[] = []
  const stopping = new AbortController()
  const begin: Begin = (level, service) => ({
    logger: createLogger(level, service, { write: (line) => void lines.push(line) }),
    onStop: (_, close) => void closers.push(close),
    stopping: stopping.signal,
  })
  const stop = async () => {
    stopping.abort()
    for (const close of closers.splice(0).toReversed()) await close()
  }
  const { url, opsUrl, settings } = await findPlace(environment)
  try {
    await (name === 'api' ? startApi : startWorker)(settings, begin)
    await untilProgramReady(opsUrl)
  } catch (error) {
    await stop()
    throw error
  }
  return { url, opsUrl, log: () => lines.join(''), stop }
}

const findPlace = async (environment: Environment) => {
  const [port, opsPort] = [await findFreePort(), await findFreePort()]
  const settings = {
    HOST: '127.0.0.1',
    PORT: String(port),
    OPS_PORT: String(opsPort),
    MAIL_API_KEY: 'test',
    MAIL_FROM: 'Latchkey <codes@latchkey.example>',
    ...QUICK,
    ...environment,
  }
  return { url: `http://127.0.0.1:${port}`, opsUrl: `http://127.0.0.1:${opsPort}`, settings }
}

const untilProgramReady = (opsUrl: string) => vi.waitFor(() => checkReady(opsUrl), PATIENT)

const checkReady = async (opsUrl: string): Promise<void> => {
  const answer = await fetch(`${opsUrl}/readyz`)
  if (!answer.ok) throw new Error(await answer.text())
}

const end = async (child: ReturnType<typeof startChild>['process'], signal: NodeJS.Signals): Promise<number | null> => {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode
  const exited = once(child, 'exit')
  child.kill(signal)
  await exited
  return child.exitCode
}
