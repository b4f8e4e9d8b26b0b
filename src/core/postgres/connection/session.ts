// What our statements take for granted and a role, a database or the URL itself may have set otherwise.
const SETTINGS = [
  ['DateStyle', 'ISO,MDY'],
  ['TimeZone', 'UTC'],
  ['IntervalStyle', 'postgres'],
  ['bytea_output', 'hex'],
  ['lock_timeout', '0'],
] as const

// An option's value ends at a blank that no backslash precedes; a plus stands for a blank in a URL.
const OPTIONS = [
  ...SETTINGS.map(([name, value]) => `-c+${name}=${value}`),
  '-c+idle_session_timeout=0',
  // Statements are prepared, and none has a plan that depends on its values: planning each time cost a third of PostgreSQL's work.
  '-c+plan_cache_mode=force_generic_plan',
  // Each has the indexes that it needs, and such a plan is kept while the tables grow: none is made of reading a whole one that was small.
  '-c+enable_seqscan=off',
  '-c+default_transaction_isolation=read\\+committed',
]

/** Says in the URL itself what a session is like, after the options that it has: the last one counts. No pooler takes this. */
export const withSession = (databaseUrl: string, schema?: string, more: string[] = []): string => {
  const own = [...(schema === undefined ? [] : [`search_path=${schema}`]), ...more]
  const options = [...OPTIONS, ...own.map((setting) => `-c+${setting}`)].join('+')
  const url = asUrl(databaseUrl)
  const start = url.indexOf('?')
  if (start < 0) return `${url}?options=${options}`
  const others = url.slice(start + 1).split('&')
  const given = others.findLast((part) => part.startsWith('options='))?.slice('options='.length)
  const kept = others.filter((part) => !part.startsWith('options='))
  return `${url.slice(0, start)}?${[...kept, `options=${given ? `${given}+` : ''}${options}`].join('&')}`
}

/** The same form of a socket's address that has a place for options. */
const asUrl = (databaseUrl: string): string => {
  if (!databaseUrl.startsWith('/')) return databaseUrl
  const [folder, database] = databaseUrl.split(' ')
  return `socket:${folder}${database === undefined ? '' : `?db=${database}`}`
}

/**
 * How a transaction begins. Behind a pooler each has a session that others have used, so it says all by itself, its time
 * limits in milliseconds included.
 */
export const beginStatement = (
  pooled: false | undefined | { schema: string | undefined; statementTimeoutMs: number; idleTimeoutMs: number },
): string => {
  const begin = 'begin isolation level read committed'
  if (!pooled) return begin
  const settings = [
    ...SETTINGS,
    ['statement_timeout', String(pooled.statementTimeoutMs)],
    ['idle_in_transaction_session_timeout', String(pooled.idleTimeoutMs)],
    ...(pooled.schema === undefined ? [] : [['search_path', pooled.schema]]),
  ]
  return [begin, ...settings.map(([name, value]) => `set local ${name} to '${value}'`)].join('; ')
}
