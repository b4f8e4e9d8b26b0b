import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'

const ROOT = join(import.meta.dirname, '../..')

/** A folder with what the image of the sandbox holds. */
const layOut = () => {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-sandbox-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const lines = readFileSync(join(ROOT, 'dev/Dockerfile.sandbox'), 'utf8').split('\n')
  const paths = lines
    .filter((line) => /^COPY (?:src|dev|package\.json)/.test(line))
    .flatMap((line) => line.split(' ').slice(1, -1))
  for (const path of paths) cpSync(join(ROOT, path), join(folder, path), { recursive: true })
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  return folder
}

test('the mail sandbox starts from the files of its image alone, and shows every page', async () => {
  const environment = { ...process.env, PORT: '0', HOST: '127.0.0.1', MAIL_API_KEY: 'key', NODE_OPTIONS: '' }
  const child = spawn(process.execPath, ['dev/sandbox.ts'], { cwd: layOut(), env: environment })
  const ended = once(child, 'exit')
  onTestFinished(async () => {
    child.kill()
    await ended
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk))
  await Promise.race([once(child.stdout, 'data'), ended])
  const url = /listens at (http:\S+)/.exec(output)?.[1] ?? output
  for (const page of ['/', '/texts', '/sign-up', '/mails?to=ada@example.com'])
    expect([page, (await fetch(`${url}${page}`)).status]).toEqual([page, page.startsWith('/mails') ? 404 : 200])
})
