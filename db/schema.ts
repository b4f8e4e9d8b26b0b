import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { createDatabase, startPostgres } from '../dev/embedded-postgres.ts'
import { migrate } from '../src/core/postgres/migrate.ts'
import { createLogger } from '../src/core/process/logger.ts'

const FILE = join(import.meta.dirname, 'schema.sql')
const HEADER = '-- What db/migrations make, written by `make schema`. Do not edit: `make check` compares.\n'

/** The types of our columns that check what one value may be. */
const DESCRIBE_DOMAINS = `
  select format(E'create domain %I as %s%s;\n', typname, format_type(typbasetype, typtypmod),
    string_agg(' ' || pg_get_constraintdef(pg_constraint.oid), '' order by conname)) as sql
  from pg_type
  join pg_constraint on contypid = pg_type.oid
  where typnamespace = 'public'::regnamespace
  group by pg_type.oid
  order by typname`

/** Every table of ours as PostgreSQL itself describes it: columns, then constraints, then the indexes that are no constraint. */
const DESCRIBE = `
  with tables as (
    select oid, relname
    from pg_class
    where relkind = 'r' and relnamespace = 'public'::regnamespace and relname <> 'migrations'
  ), lines as (
    select attrelid as table, 1 as kind, attnum::text as place,
      format('  %I %s%s%s', attname, format_type(atttypid, atttypmod),
        case when attnotnull then ' not null' else '' end,
        coalesce(' default ' || pg_get_expr(adbin, adrelid), '')) as line
    from pg_attribute
    left join pg_attrdef on adrelid = attrelid and adnum = attnum
    where attnum > 0 and not attisdropped
    union all
    select conrelid, 2, conname, format('  constraint %I %s', conname, pg_get_constraintdef(oid))
    from pg_constraint
    where contype <> 'n'
  )
  select format(E'create table %I (\\n%s\\n);\\n', relname, string_agg(line, E',\\n' order by kind, length(place), place))
    || coalesce((
      select string_agg(E'\\n' || pg_get_indexdef(indexrelid) || ';', '' order by indexrelid::regclass::text) || E'\\n'
      from pg_index
      where indrelid = tables.oid and not exists (select 1 from pg_constraint where conindid = indexrelid)
    ), '') as sql
  from tables
  join lines on lines.table = tables.oid
  group by tables.oid, relname
  order by relname`

const folder = await mkdtemp(join(tmpdir(), 'latchkey-schema-'))
const postgres = await startPostgres({ dataDir: join(folder, 'postgres'), keep: true })
try {
  const url = await createDatabase(postgres, 'latchkey')
  await migrate(url, createLogger('warn', 'schema'))
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const domains = await client.query<{ sql: string }>(DESCRIBE_DOMAINS)
  const tables = await client.query<{ sql: string }>(DESCRIBE)
  await client.end()
  const described = [domains.rows.map(({ sql }) => sql).join(''), ...tables.rows.map(({ sql }) => sql)]
  const schema = `${HEADER}\n${described.join('\n')}`
  if (!process.argv.includes('--check')) await writeFile(FILE, schema)
  else if ((await readFile(FILE, 'utf8').catch(() => '')) !== schema) {
    process.stderr.write(
      'db/schema.sql is not what the migrations make. Run `make schema` and look at the difference.\n',
    )
    process.exitCode = 1
  }
} finally {
  await postgres.stop()
  await rm(folder, { recursive: true, force: true })
}
