import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import { vi } from 'vitest'
import { startChild } from '../../dev/child.ts'
import { findFreePort } from '../../dev/free-port.ts'
import { untilReady } from '../../dev/until-ready.ts'
import { QUICK } from './api.ts'

export type TestProcess = {
  url: string
  opsUrl: string
  /** All that the process has logged so far. */
  log(): string
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>
}

/** The real program in a process of its own, ready when this resolves. */
export const startProcess = async (
  name: 'api' | 'worker',
  environment: Record<string, string | undefined>,
): Promise<TestProcess> => {
  const [port, opsPort] = [await findFreePort(), await findFreePort()]
  const output = new PassThrough()
  const chunks: Buffer[] = []
  output.on('data', (chunk) => chunks.push(chunk))
  const child = startChild(
    `src/${name}/main.ts`,
    {
      PATH: process.env.PATH,
      HOST: '127.0.0.1',
      PORT: String(port),
      OPS_PORT: String(opsPort),
      MAIL_API_KEY: 'test',
      MAIL_FROM: 'Latchkey <codes@latchkey.example>',
      ...QUICK,
      ...environment,
    },
    output,
  )
  const opsUrl = `http://127.0.0.1:${opsPort}`
  await untilReady(
    child.process,
    vi.waitFor(() => checkReady(opsUrl), { timeout: 30_000, interval: 50 }),
  )
  return {
    url: `http://127.0.0.1:${port}`,
    opsUrl,
    log: () => Buffer.concat(chunks).toString('utf8'),
    stop: () => end(child.process, 'SIGTERM'),
    kill: async () => void (await end(child.process, 'SIGKILL')),
  }
}

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
