import { expect, test } from 'vitest'
import { runScript } from '../worker/spawn-program.ts'

const start = async (environment: Record<string, string>) => {
  const { code, out, err } = await runScript('src/api/main.ts', [], environment)
  return { code, output: out + err }
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
