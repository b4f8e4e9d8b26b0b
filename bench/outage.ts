import { spawnSync } from 'node:child_process'
import { measureOutage } from './outage/outage-backend.ts'

/** `node bench/outage.ts [mails=10000] [seconds=60] [backend]`: an outage of the provider and what follows, on each backend. */
const [mails = '10000', seconds = '60', only] = process.argv.slice(2)

const hasRedis = spawnSync('redis-server', ['--version']).status === 0
if (!hasRedis) process.stdout.write('redis is not measured: there is no redis-server\n')
const backends = (hasRedis ? (['postgresql', 'redis'] as const) : (['postgresql'] as const)).filter(
  (backend) => only === undefined || backend === only,
)

let wrongs = 0
for (const backend of backends) {
  process.stdout.write(`${backend}\n`)
  const found = await measureOutage(backend, { mails: Number(mails), outageMs: Number(seconds) * 1000 })
  wrongs += found.length
  process.stdout.write(found.map((wrong) => `  WRONG: ${wrong}\n`).join(''))
}
process.exit(wrongs === 0 ? 0 : 1)
