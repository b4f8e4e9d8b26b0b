import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { untilReady } from '../../dev/until-ready.ts'

const never = new Promise<never>(() => {})

test.each(['log', 'error'])(
  'a process that ends before it is ready is told of at once, with its console.%s',
  async (to) => {
    const child = spawn(process.execPath, ['-e', `console.${to}('the port ' + 'is taken'); process.exitCode = 3`])
    await expect(untilReady(child, never)).rejects.toThrow(/ended with 3 before it was ready:\nthe port is taken\n$/)
  },
)

test('a process that cannot be started is told of at once', async () => {
  await expect(untilReady(spawn('/no/such/program'), never)).rejects.toThrow('ENOENT')
})

test('a process that ends after it was ready is nothing to tell of', async () => {
  const child = spawn(process.execPath, ['-e', 'process.stdin.resume()'])
  await untilReady(child, once(child, 'spawn'))
  child.kill('SIGKILL')
  await once(child, 'close')
})
