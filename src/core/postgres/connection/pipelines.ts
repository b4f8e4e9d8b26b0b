import type pg from 'pg'
import { inOnePacket } from './one-packet.ts'
import { type SharedFlush, shareFlushes } from './shared-flush.ts'
import { isDatabaseUnavailable } from './unavailable.ts'

/** A connection that is in use: whoever comes meanwhile sends behind the others, without a wait for their answers. */
type Pipeline = {
  client: Promise<pg.PoolClient>
  /** Statements that have no answer yet. */
  waiting: number
  /** How many more it takes. */
  left: number
  answeredAt: number
  failure: Error | undefined
  /** What its statements wait for when they are many. */
  flush: SharedFlush | null
}

// Behind a statement that waits for a lock nobody else joins.
const STILL_MS = 20
// Then it goes back to the pool, which ends what is too old.
const MOST_STATEMENTS = 1000
// So many that wait on one connection wait for the disk together.
const MANY = 3

/**
 * Sends the statements of many callers over one connection of the pool, which is for those that take about a millisecond: what is asked
 * for in one tick leaves in one packet, and is answered in few. Another is opened only while it does not move: one does more than a
 * worker asks for. Each statement is a transaction of its own: when PostgreSQL refuses one, the others are done all the same. A
 * lost connection fails all that wait for it. While many do, they wait for the disk together, unless they need not, being `isDisposable`.
 */
export const openPipelines = (pool: pg.Pool, isDisposable = false) => {
  const pipelines = new Set<Pipeline>()
  return async <Row extends pg.QueryResultRow>(statement: string, values?: unknown[]): Promise<pg.QueryResult<Row>> => {
    const pipeline = join(pipelines, pool)
    let client: pg.PoolClient | undefined
    try {
      client = await pipeline.client
      inOnePacket(client)
      if (pipeline.waiting >= MANY && !isDisposable) pipeline.flush ??= shareFlushes(client)
      const sent = client.query<Row>(statement, values).finally(() => {
        pipeline.answeredAt = performance.now()
      })
      const [answer] = await Promise.all([sent, pipeline.flush?.flushed()])
      return answer
    } catch (error) {
      if (error instanceof Error && isDatabaseUnavailable(error)) pipeline.failure ??= error
      throw error
    } finally {
      if (isLast(pipelines, pipeline) && client) giveBack(client, pipeline)
    }
  }
}

const join = (pipelines: Set<Pipeline>, pool: pg.Pool): Pipeline => {
  const now = performance.now()
  const isMoving = (one: Pipeline) => one.left > 0 && !one.failure && now - one.answeredAt < STILL_MS
  const pipeline = [...pipelines].find(isMoving) ?? open(pipelines, pool, now)
  pipeline.waiting += 1
  pipeline.left -= 1
  return pipeline
}

const open = (pipelines: Set<Pipeline>, pool: pg.Pool, now: number): Pipeline => {
  const unused = { waiting: 0, left: MOST_STATEMENTS, failure: undefined, flush: null }
  const pipeline = { ...unused, client: pool.connect(), answeredAt: now }
  pipelines.add(pipeline)
  return pipeline
}

/** Takes one that has its answer, or none, from the pipeline; tells whether nobody else waits there. */
const isLast = (pipelines: Set<Pipeline>, pipeline: Pipeline): boolean => {
  pipeline.waiting -= 1
  pipeline.answeredAt = performance.now()
  return pipeline.waiting === 0 && pipelines.delete(pipeline)
}

const giveBack = (client: pg.PoolClient, { failure, flush }: Pipeline): void => {
  if (failure || !flush) client.release(failure)
  else
    void flush.end().then(
      () => client.release(),
      () => client.release(true),
    )
}
