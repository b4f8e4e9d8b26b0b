import pg from 'pg'
import { type Backend, startContestant } from './cost/contestants.ts'
import { startPlainRedis } from './cost/plain-redis.ts'
import { startSlowProvider } from './cost/provider.ts'
import { saturate } from './cost/saturate.ts'

/**
 * `node bench/table-sizes.ts [minutes=20] [rate=100] [backend=postgresql]`: registers so many people a second, and tells for each part of
 * the time what every table and its indexes have grown by, how many dead rows it has, which of its updates were heap-only, and how
 * often it was vacuumed: whether autovacuum keeps up, with PostgreSQL's own settings.
 */
const PARTS = 5
const PROVIDER_MS = 50
const CHEAP_BCRYPT = 4

type Table = {
  name: string
  tableBytes: number
  indexBytes: number
  live: number
  dead: number
  updates: number
  hot: number
  vacuums: number
}

const measure = async (database: pg.Client): Promise<Map<string, Table>> => {
  const { rows } = await database.query<Table>(
    `select schemaname || '.' || relname as name,
       pg_table_size(relid)::float8 as "tableBytes",
       pg_indexes_size(relid)::float8 as "indexBytes",
       n_live_tup::float8 as live,
       n_dead_tup::float8 as dead,
       n_tup_upd::float8 as updates,
       n_tup_hot_upd::float8 as hot,
       autovacuum_count::float8 as vacuums
     from pg_stat_user_tables
     where n_tup_ins > 0
     order by 2 desc`,
  )
  return new Map(rows.map((row) => [row.name, row]))
}

const say = (line: string) => process.stdout.write(`${line}\n`)
const mb = (bytes: number) => (bytes / 2 ** 20).toFixed(1)

const describe = (table: Table, before: Table | undefined, people: number): string => {
  const each = (bytes: 'tableBytes' | 'indexBytes') => ((table[bytes] - (before?.[bytes] ?? 0)) / people).toFixed(0)
  const updates = table.updates - (before?.updates ?? 0)
  const hot =
    updates === 0 ? '' : `, ${Math.round((100 * (table.hot - (before?.hot ?? 0))) / updates)} % of updates heap-only`
  return (
    `  ${table.name.padEnd(24)} ${mb(table.tableBytes)} + ${mb(table.indexBytes)} MB; a registration adds ${each('tableBytes')} + ${each('indexBytes')} bytes; ` +
    `${table.dead} dead beside ${table.live} rows, vacuumed ${table.vacuums - (before?.vacuums ?? 0)} times${hot}`
  )
}

const [minutes, rate, backend] = [
  Number(process.argv[2] ?? 20),
  Number(process.argv[3] ?? 100),
  process.argv[4] ?? 'postgresql',
]
const isBackend = (name: string): name is Backend => name === 'postgresql' || name === 'redis'
if (!isBackend(backend)) throw new Error('the backend is postgresql or redis')

const redis = backend === 'redis' ? await startPlainRedis() : null
const provider = await startSlowProvider(PROVIDER_MS)
const service = await startContestant({
  ...{ program: 'ours', backend, bcryptCost: CHEAP_BCRYPT, mailUrl: provider.url, redis },
})
const database = new pg.Client({ connectionString: service.databaseUrl })
await database.connect()
let before = await measure(database)
for (let part = 1; part <= PARTS; part += 1) {
  const seconds = (minutes * 60) / PARTS
  const done = await saturate(service, provider, { seconds, round: `${part}`, perSecond: rate })
  const after = await measure(database)
  const people = done.perSecond * seconds
  say(
    `part ${part} of ${PARTS}: ${done.perSecond.toFixed(1)} registrations/s for ${seconds} s; p50/p99 ${done.p50.toFixed(0)}/${done.p99.toFixed(0)} ms; machine ${done.machineMs.toFixed(1)} ms each`,
  )
  for (const table of after.values()) say(describe(table, before.get(table.name), people))
  before = after
}
await database.end()
await service.stop()
provider.close()
await redis?.stop()
