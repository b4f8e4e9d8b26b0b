import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { startChild } from '../child.ts'
import { findFreePort } from '../free-port.ts'

const PATIENCE_MS = 60_000

export type Run = { api: string; dashboard: string; sandbox: string; stop(): Promise<void> }

/** Starts the program of `make run` at ports of its own, with a folder that is gone afterwards. */
export const startRun = async (): Promise<Run> => {
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-screenshots-'))
  const [port, apiOps, workerOps, sandbox] = [
    await findFreePort(),
    await findFreePort(),
    await findFreePort(),
    await findFreePort(),
  ]
  const ports = { PORT: port, API_OPS_PORT: apiOps, WORKER_OPS_PORT: workerOps, SANDBOX_PORT: sandbox }
  const environment = Object.fromEntries(Object.entries(ports).map(([name, value]) => [name, String(value)]))
  let output = ''
  const log = new Writable({
    write: (chunk, _encoding, done) => {
      output += chunk
      done()
    },
  })
  const child = startChild('dev/run.ts', { PATH: process.env.PATH, LATCHKEY_DATA: folder, ...environment }, log)
  await until(async () => output.includes('Latchkey is running'))
  return {
    api: `http://127.0.0.1:${port}`,
    dashboard: `http://127.0.0.1:${workerOps}/dashboard`,
    sandbox: `http://127.0.0.1:${sandbox}`,
    stop: async () => {
      await child.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

export const until = async (isSo: () => Promise<boolean>): Promise<void> => {
  const end = Date.now() + PATIENCE_MS
  while (!(await isSo())) {
    if (Date.now() > end) throw new Error('it did not come to that in time')
    await sleep(100)
  }
}
