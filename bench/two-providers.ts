import { spawnSync } from 'node:child_process'
import { cases, measureCase } from './two-providers/measure-case.ts'

/**
 * `node bench/two-providers.ts [seconds=60] [perSecond=5] [backend] [case]`: people register at a steady rate while the first provider
 * is in trouble, each way on each backend. Ends with 1 when somebody lost a mail, got two living codes, or most waited too long.
 */
const [seconds = '60', perSecond = '5', onlyBackend, onlyCase] = process.argv.slice(2)

const hasRedis = spawnSync('redis-server', ['--version']).status === 0
if (!hasRedis) process.stdout.write('redis is not measured: there is no redis-server\n')
const backends = hasRedis ? (['postgresql', 'redis'] as const) : (['postgresql'] as const)

let wrongs = 0
for (const backend of backends.filter((name) => onlyBackend === undefined || name === onlyBackend))
  for (const trouble of cases.filter((name) => onlyCase === undefined || name === onlyCase)) {
    const plan = { backend, trouble, outageMs: Number(seconds) * 1000, perSecond: Number(perSecond) }
    const { text, wrong } = await measureCase(plan)
    process.stdout.write(`${backend}, first ${trouble}: ${text}\n${wrong.map((one) => `  WRONG: ${one}\n`).join('')}`)
    wrongs += wrong.length
  }
process.exit(wrongs === 0 ? 0 : 1)
