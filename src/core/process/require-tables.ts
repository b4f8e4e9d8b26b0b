import { isDatabaseUnavailable } from '../postgres/connection/unavailable.ts'
import { compareMigrations } from '../postgres/migrate.ts'
import type { Pool } from '../postgres/pool.ts'
import { ConfigError } from './config.ts'
import type { Logger } from './logger.ts'
import { waitUntil } from './wait-until.ts'

/**
 * Waits until PostgreSQL can be asked, however long that takes, and throws a `ConfigError` with one sentence when its tables are not
 * those of this release: this program would not do what it should with them.
 */
export const requireTables = async (pool: Pool, tools: { logger: Logger; signal: AbortSignal }): Promise<void> => {
  const { pending, unknown } = await waitUntil('PostgreSQL', () => askPatiently(pool), tools)
  if (pending.length > 0)
    throw new ConfigError(
      `The tables are older than this release, which needs ${pending.join(', ')}: run node db/migrate.ts of this release, then start again.`,
    )
  if (unknown.length > 0)
    throw new ConfigError(
      `The tables are newer than this release, which does not know ${unknown.join(', ')}: start the release that made them, or a later one.`,
    )
}

/** What is no outage, such as a missing right, is not over by waiting. */
const askPatiently = async (pool: Pool) => {
  try {
    return await compareMigrations(pool)
  } catch (error) {
    if (isDatabaseUnavailable(error)) throw error
    const reason = error instanceof Error ? error.message : String(error)
    throw new ConfigError(
      `The tables cannot be read: ${reason}. See docs/operations.md for the rights that a role needs.`,
    )
  }
}
