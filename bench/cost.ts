import { parseArgs } from 'node:util'
import { measureBigTables } from './cost/big-tables.ts'
import type { Backend } from './cost/contestants.ts'
import { measureHandOver } from './cost/hand-over.ts'
import { measureMemory } from './cost/memory.ts'
import { startPlainRedis } from './cost/plain-redis.ts'
import { measureRoundTrips } from './cost/round-trips-of.ts'
import { measureSaturation } from './cost/saturation.ts'

/**
 * `make bench`: what a registration costs, against bare bcrypt, bare BullMQ and a floor that gives the same guarantees and nothing
 * else, in alternating rounds. Needs a redis-server for its Redis half; `--jobs redis` or `--jobs postgresql` measures one half. Figures mean
 * something on a quiet machine only.
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    jobs: { type: 'string' },
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    users: { type: 'string' },
  },
})
const plan = {
  rounds: Number(values.rounds ?? (values.quick ? 1 : 3)),
  seconds: Number(values.seconds ?? (values.quick ? 2 : 20)),
  users: Number(values.users ?? (values.quick ? 20_000 : 5_000_000)),
}

const redis = await startPlainRedis()
if (!redis) process.stdout.write('no redis-server on PATH: jobs in PostgreSQL only\n')
const possible: Backend[] = redis ? ['postgresql', 'redis'] : ['postgresql']
const backends = possible.filter((backend) => backend === (values.jobs ?? backend))
const tools = { backends, redis, plan, say: (line: string) => void process.stdout.write(`${line}\n`) }

const sections = {
  saturation: measureSaturation,
  'round-trips': measureRoundTrips,
  'hand-over': measureHandOver,
  memory: measureMemory,
  'big-tables': measureBigTables,
}

try {
  if (backends.length === 0) throw new Error('--jobs is postgresql, or redis where there is a redis-server')
  for (const [name, measure] of Object.entries(sections))
    if (positionals.length === 0 || positionals.includes(name)) await measure(tools)
} finally {
  await redis?.stop()
}
