import { spawn } from 'node:child_process'
import { once } from 'node:events'

/** Runs the script with exactly this environment. */
export const runTraceMail = async (wanted: string[], environment: Record<string, string | undefined>) => {
  const child = spawn(process.execPath, ['src/worker/trace-mail.ts', ...wanted], {
    env: { PATH: process.env.PATH, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let [out, err] = ['', '']
  child.stdout.on('data', (chunk) => {
    out += chunk
  })
  child.stderr.on('data', (chunk) => {
    err += chunk
  })
  const [code] = await once(child, 'close')
  return { code, out, err }
}
