import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const MAIN = join(import.meta.dirname, '../../src/api/main.ts')

const start = async (environment: Record<string, string>) => {
  const child = spawn(process.execPath, [MAIN], { env: { PATH: process.env.PATH, ...environment } })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      output += chunk
    })
  const [code] = await once(child, 'close')
  return { code, output }
}

test('the api with a wrong configuration ends at once with one message that names every variable and no value', async () => {
  const { code, output } = await start({ SECRET_KEY: 'hush-hush', PORT: 'hush', LIMIT_MAILS_PER_MAILBOX: 'hush' })
  expect(code).toBe(1)
  for (const name of ['DATABASE_URL', 'SECRET_KEY', 'PORT', 'LIMIT_MAILS_PER_MAILBOX']) expect(output).toContain(name)
  expect(output).not.toContain('hush')
  expect(output).not.toMatch(/\n\s+at /)
})

test('the api that is given an unreadable file as a secret ends and names the variable', async () => {
  const { code, output } = await start({ DATABASE_URL: 'postgres://x/y', SECRET_KEY_FILE: '/nowhere/hush' })
  expect(code).toBe(1)
  expect(output).toContain('SECRET_KEY')
  expect(output).not.toContain('hush')
})
