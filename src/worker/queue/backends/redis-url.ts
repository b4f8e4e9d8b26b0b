export type RedisNode = { host: string; port: number }

export type RedisLogin = { username: string | undefined; password: string | undefined }

/** Where a `REDIS_URL` points: to one Redis, to the master that Sentinels name, or to a Cluster. */
export type RedisStore =
  | { kind: 'single'; url: string }
  | (RedisLogin & {
      kind: 'sentinel'
      isTls: boolean
      nodes: RedisNode[]
      master: string
      db: number
      sentinel: RedisLogin
    })
  | (RedisLogin & { kind: 'cluster'; isTls: boolean; nodes: RedisNode[] })

const SHAPE = /^redis(s?)(?:\+(sentinel|cluster))?:\/\/([^@/?#]*@)?([^@/?#]+)([^#]*)$/
const MASTER_AND_DB = /^\/([\w.-]+)(?:\/(\d{1,5}))?$/
const ONE_DB = /^(?:\/\d{0,5})?$/
const NO_DB = /^(?:\/0?)?$/
const SENTINEL_OPTIONS = ['sentinel_username', 'sentinel_password']

/**
 * Reads `redis://…`, `redis+sentinel://[user:password@]host[:26379],…/master[/db]` and
 * `redis+cluster://[user:password@]host[:6379],…`, each with `rediss` for TLS. Gives null when it is none of them.
 */
export const readRedisUrl = (value: string): RedisStore | null => {
  const [, secure, kind, login = '', hosts = '', rest = ''] = SHAPE.exec(value) ?? []
  if (secure === undefined) return null
  if (kind === undefined) return readSingle(value)
  // URL knows one host only: it reads each of them with all that stands around the list.
  const urls = hosts.split(',').map((host) => URL.parse(`redis://${login}${host}${rest}`))
  if (!urls.every((url) => url !== null && url.hostname !== '')) return null
  const [first] = urls
  if (!first) return null
  const nodes = urls.flatMap((url) => (url ? [nodeOf(url, kind === 'sentinel' ? 26_379 : 6379)] : []))
  const common = { isTls: secure === 's', nodes, ...loginOf(first.username, first.password) }
  return kind === 'sentinel' ? readSentinel(first, common) : readCluster(first, common)
}

const readSingle = (value: string): RedisStore | null => {
  const url = URL.parse(value)
  const isOne = url !== null && !url.hostname.includes(',') && ONE_DB.test(url.pathname)
  return isOne ? { kind: 'single', url: value } : null
}

type Common = RedisLogin & { isTls: boolean; nodes: RedisNode[] }

const readSentinel = (url: URL, common: Common): RedisStore | null => {
  const [, master, db = '0'] = MASTER_AND_DB.exec(url.pathname) ?? []
  if (master === undefined || [...url.searchParams.keys()].some((name) => !SENTINEL_OPTIONS.includes(name))) return null
  const [username, password] = SENTINEL_OPTIONS.map((name) => url.searchParams.get(name) || undefined)
  return { kind: 'sentinel', ...common, master, db: Number(db), sentinel: { username, password } }
}

/** A Cluster has but the database 0. */
const readCluster = (url: URL, common: Common): RedisStore | null =>
  NO_DB.test(url.pathname) && url.search === '' ? { kind: 'cluster', ...common } : null

const nodeOf = (url: URL, port: number): RedisNode => ({
  host: url.hostname.replace(/^\[(.+)\]$/, '$1'),
  port: Number(url.port || port),
})

const loginOf = (username: string, password: string): RedisLogin => ({
  username: decode(username) || undefined,
  password: decode(password) || undefined,
})

/** A lone per cent sign is taken as it stands, as ioredis does. */
const decode = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
