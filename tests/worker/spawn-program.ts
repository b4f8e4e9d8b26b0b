import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { onTestFinished } from 'vitest'
import { QUICK } from '../support/api.ts'

/** The least that both programs must be given. */
export const requiredVariables = (databaseUrl: string) => ({
  ...QUICK,
  DATABASE_URL: databaseUrl,
  MAIL_API_KEY: 'test',
  MAIL_FROM: 'codes@latchkey.example',
})

/** The program with exactly this environment; what it writes is gathered. */
export const spawnProgram = (name: 'api' | 'worker', environment: Record<string, string>) => {
  const child: ChildProcess = spawn(process.execPath, [`src/${name}/main.ts`], {
    env: { PATH: process.env.PATH, HOST: '127.0.0.1', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let [out, err] = ['', '']
  child.stdout?.on('data', (chunk) => {
    out += chunk
  })
  child.stderr?.on('data', (chunk) => {
    err += chunk
  })
  const closed = once(child, 'close')
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await closed
  })
  return { child, closed, out: () => out, err: () => err }
}
