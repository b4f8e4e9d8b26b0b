import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { onTestFinished } from 'vitest'
import { COMPILE_CACHE } from '../../dev/child.ts'
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
  const program = spawnScript(`src/${name}/main.ts`, [], { HOST: '127.0.0.1', ...environment })
  onTestFinished(async () => {
    program.child.kill('SIGKILL')
    await program.closed
  })
  return program
}

/** Runs the script to its end with exactly this environment. */
export const runScript = async (file: string, args: string[], environment: Record<string, string | undefined>) => {
  const { child, closed, out, err } = spawnScript(file, args, environment)
  await closed
  return { code: child.exitCode, out: out(), err: err() }
}

/** Runs that script, which tells what happened to a mail. */
export const runTraceMail = (wanted: string[], environment: Record<string, string | undefined>) =>
  runScript('src/worker/trace-mail.ts', wanted, environment)

const spawnScript = (file: string, args: string[], environment: Record<string, string | undefined>) => {
  const child: ChildProcess = spawn(process.execPath, [file, ...args], {
    env: { PATH: process.env.PATH, NODE_COMPILE_CACHE: COMPILE_CACHE, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let [out, err] = ['', '']
  child.stdout?.on('data', (chunk) => {
    out += chunk
  })
  child.stderr?.on('data', (chunk) => {
    err += chunk
  })
  return { child, closed: once(child, 'close'), out: () => out, err: () => err }
}
