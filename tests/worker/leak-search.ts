import { Redis } from 'ioredis'
import type { Pool } from '../../src/core/postgres/pool.ts'

/** A place to look in, and a word that shows that the look was a real one. */
export type Place = { name: string; text: string; mustShow: string }

/** The forms in which a value may stand somewhere. */
export const formsOf = (value: string): string[] => {
  const bytes = Buffer.from(value)
  return [
    value,
    JSON.stringify(value).slice(1, -1),
    encodeURIComponent(value),
    bytes.toString('hex'),
    bytes.toString('base64').replace(/=+$/, ''),
    bytes.toString('base64url'),
  ]
}

/** The first form of the value that stands in the text; null when there is none. */
export const findIn = (text: string, value: string): string | null =>
  formsOf(value).find((form) => text.includes(form)) ?? null

/** Four digits meet by chance in times, ports and process ids: looked for as a whole JSON string, or as a word after "code". */
export const showsShortCode = (text: string, code: string): boolean =>
  new RegExp(`"${code}"|\\bcode\\b\\W{0,4}${code}\\b|(?:^|\\\\n|\\n)${code}(?:$|\\\\n|\\n)`, 'i').test(text)

/** Every row of every table in every schema, but the one column that is there to hold the address. */
export const dumpTables = async (pool: Pool): Promise<Place> => {
  const tables = await pool.query<{ name: string; isUsers: boolean }>(
    `select format('%I.%I', table_schema, table_name) as name,
       table_schema = 'public' and table_name = 'users' as "isUsers"
     from information_schema.tables
     where table_schema not in ('pg_catalog', 'information_schema') and table_type = 'BASE TABLE'`,
  )
  let text = ''
  for (const { name, isUsers } of tables.rows) {
    const rows = await pool.query<{ row: string }>(
      `select (to_jsonb(t) ${isUsers ? "- 'email'" : ''})::text as row from ${name} as t`,
    )
    text += `${name}\n${rows.rows.map(({ row }) => row).join('\n')}\n`
  }
  return { name: 'PostgreSQL', text, mustShow: 'resend-422 validation-error' }
}

/** Every key with its value. */
export const dumpRedis = async (url: string): Promise<Place> => {
  const redis = new Redis(url)
  try {
    let text = ''
    let cursor = '0'
    do {
      const [next, keys] = await redis.scan(cursor)
      cursor = next
      for (const key of keys) text += `${key}\n${JSON.stringify(await readKey(redis, key))}\n`
    } while (cursor !== '0')
    return { name: 'Redis', text, mustShow: 'resend-422 validation-error' }
  } finally {
    redis.disconnect()
  }
}

/** The key's value by its type: DUMP would compress it. */
const readKey = async (redis: Redis, key: string): Promise<unknown> => {
  switch (await redis.type(key)) {
    case 'string':
      return redis.get(key)
    case 'hash':
      return redis.hgetall(key)
    case 'list':
      return redis.lrange(key, 0, -1)
    case 'set':
      return redis.smembers(key)
    case 'zset':
      return redis.zrange(key, '0', '-1', 'WITHSCORES')
    case 'stream':
      return redis.xrange(key, '-', '+')
    case 'none':
      // Gone since it was listed.
      return null
    default:
      throw new Error('a key of a type that is not looked into')
  }
}
