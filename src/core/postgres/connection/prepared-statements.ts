import { createHash } from 'node:crypto'
import pg from 'pg'

// What a process says is a fixed number of texts; should one be built of data, this bounds what each session keeps.
const MOST_NAMES = 300

const names = new Map<string, string>()

const nameOf = (text: string): string | undefined => {
  const known = names.get(text)
  if (known !== undefined || names.size >= MOST_NAMES) return known
  const name = createHash('sha1').update(text).digest('hex').slice(0, 16)
  names.set(text, name)
  return name
}

/**
 * From now on each statement with parameters is parsed once in this session, and planned anew only while that is worth it: a mail's
 * way takes a third of the server's time. Not for a pooler in transaction mode, where the next statement may reach another session.
 */
export const prepareStatements = (client: pg.ClientBase): void => {
  const query = (...call: unknown[]) => Reflect.apply(pg.Client.prototype.query, client, named(call))
  Object.assign(client, { query })
}

const named = (call: unknown[]): unknown[] => {
  const [text, values, ...rest] = call
  if (typeof text !== 'string' || !Array.isArray(values) || values.length === 0) return call
  return [{ text, values, name: nameOf(text) }, ...rest]
}
