import { PassThrough } from 'node:stream'
import { fuzz } from '../tests/fuzz/fuzz.ts'
import { startMailProvider } from '../tests/support/mail-provider.ts'
import { startStack } from './stack.ts'

const MINUTE_MS = 60_000
const WARM_UP = 10_000
// What a garbage collector may leave lying about. A leak of a few hundred bytes a request is more after ten minutes.
const MAX_GROWTH_BYTES = 100 * 2 ** 20

/** `node bench/fuzz.ts [minutes=10] [seed]`: throws requests at api and worker. Ends with 1 when an answer or the memory is wrong. */
const [minutes = '10', seed = String(Date.now() % 1_000_000)] = process.argv.slice(2)

const provider = await startMailProvider()
const output = new PassThrough()
let log = ''
output.on('data', (chunk) => {
  log += chunk
})
const stack = await startStack(provider.url, undefined, { RESEND_COOLDOWN_SECONDS: '0' }, output)
const memory = async (): Promise<number> => {
  const metrics = await (await fetch(`${stack.apiOpsUrl}/metrics`)).text()
  return Number(/^process_resident_memory_bytes (\S+)/m.exec(metrics)?.[1])
}

const target = { url: stack.apiUrl, inbox: provider.inbox }
process.stdout.write(`${minutes} minutes, seed ${seed}\n`)
await fuzz(target, Number(seed) - WARM_UP, ({ sent }) => sent >= WARM_UP)
const before = await memory()
const end = Date.now() + Number(minutes) * MINUTE_MS
const report = await fuzz(target, Number(seed), () => Date.now() > end)
const after = await memory()
await stack.stop()
await provider.close()

const faults = [...report.faults, ...(log.match(/^.*"level":"(?:error|fatal)".*$/gm) ?? [])]
if (after - before > MAX_GROWTH_BYTES) faults.push('the memory has grown')
const megabytes = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MB`
process.stdout.write(
  [
    `  ${report.sent} requests, ${report.unanswered} of them without an answer (malformed so that more was awaited, or cut off)`,
    `  answers ${JSON.stringify(report.statuses)}`,
    `  memory of the api ${megabytes(before)} before, ${megabytes(after)} after`,
    faults.length === 0 ? '  no fault' : `  FAULTS\n${faults.map((fault) => `    ${fault}`).join('\n')}`,
    '',
  ].join('\n'),
)
process.exit(faults.length === 0 ? 0 : 1)
