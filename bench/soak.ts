import { spawnSync } from 'node:child_process'
import { soakBackend } from './soak/soak-backend.ts'

const MINUTE_MS = 60_000

/** `node bench/soak.ts [minutes=10] [seed] [backend]`: half of the time on each backend. Ends with 1 when the books do not balance. */
const [minutes = '10', seed = String(Date.now() % 1_000_000), only] = process.argv.slice(2)

const hasRedis = spawnSync('redis-server', ['--version']).status === 0
if (!hasRedis) process.stdout.write('redis is not soaked: there is no redis-server\n')
const backends = (hasRedis ? (['postgresql', 'redis'] as const) : (['postgresql'] as const)).filter(
  (backend) => only === undefined || backend === only,
)

let wrongs = 0
for (const backend of backends) {
  const ms = (Number(minutes) * MINUTE_MS) / backends.length
  process.stdout.write(`${backend}, ${Math.round(ms / 1000)} s, seed ${seed}\n`)
  const found = await soakBackend(backend, ms, Number(seed))
  wrongs += found.length
  process.stdout.write(
    found.length === 0
      ? '  the books balance\n'
      : `  THE BOOKS DO NOT BALANCE\n${found.map((wrong) => `    ${wrong}\n`).join('')}`,
  )
}
process.exit(wrongs === 0 ? 0 : 1)
