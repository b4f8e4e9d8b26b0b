import type pg from 'pg'
import { createPool, type Pool } from '../../src/core/postgres/pool.ts'
import { silent } from '../support/database.ts'

type State = 'idle' | 'running' | 'waiting' | 'sent' | 'blocked' | 'done' | 'dead'

/** One use case at a time, on connections of its own, which goes on past a statement only when it is told to. */
export type Actor = {
  pool: Pool
  state(): State
  start(run: (actor: Actor) => Promise<unknown>): void
  /** A point to wait at that is no statement, such as a call to the provider. */
  pause(): Promise<void>
  /** Lets the statement that waits be sent. */
  step(): void
  /** Ends its process: its connections are cut, and nothing that it does any more has an effect. */
  kill(): void
  /** Sees whether its statement waits for another's lock. */
  look(admin: pg.Client): Promise<void>
  /** Resolves when it waits at its next point, has ended, or this many milliseconds have passed. */
  arrived(ms: number): Promise<void>
  close(): Promise<void>
}

// They decide nothing by themselves and show nothing to others; a notification comes from a timer.
const FREE = /^(?:begin|savepoint|set local)|pg_notify/i

class Killed extends Error {
  override name = 'Killed' as const
}

type Query = (...call: unknown[]) => unknown

/** Puts a gate before each statement of the connections that the actor's use case has. */
export const createActor = (databaseUrl: string, name: string): Actor => {
  const pool = createPool(databaseUrl, { max: 3, name, logger: silent })
  const clients = new Set<pg.PoolClient>()
  let state: State = 'idle'
  let arrival = Promise.withResolvers<void>()
  // Statements that are sent together stand here in their order.
  const gates: (() => void)[] = []
  let sender: number | null = null

  const become = (next: State): void => {
    if (state === 'dead') return
    state = next === 'running' && gates.length > 0 ? 'waiting' : next
    if (state === 'waiting' || state === 'done') arrival.resolve()
    else arrival = Promise.withResolvers<void>()
  }

  const endWhenDead = (): void => {
    if (state === 'dead') throw new Killed('the process is dead')
  }

  const gate = async (processId: number | null): Promise<void> => {
    endWhenDead()
    const opened = new Promise<void>((resolve) => void gates.push(resolve))
    if (state === 'running') become('running')
    await opened
    endWhenDead()
    sender = processId
  }

  pool.on('connect', (client) => {
    clients.add(client)
    const send: Query = client.query.bind(client)
    const query: Query = (...call) => {
      if (state === 'idle' || FREE.test(textOf(call[0]))) return send(...call)
      const passed = gate(processIdOf(client))
      const callback = call.at(-1)
      if (typeof callback !== 'function') return passed.then(() => send(...call)).finally(() => become('running'))
      const answered: Query = (...answer) => {
        become('running')
        return callback(...answer)
      }
      passed.then(() => send(...call.slice(0, -1), answered), answered)
      return undefined
    }
    Object.assign(client, { query })
  })

  const actor: Actor = {
    pool,
    state: () => state,
    start: (run) => {
      become('running')
      run(actor).then(
        () => become('done'),
        (error: unknown) => {
          if (state !== 'dead') arrival.reject(error)
        },
      )
    },
    pause: () => gate(null).then(() => become('running')),
    step: () => {
      const open = gates.shift()
      become('sent')
      open?.()
    },
    kill: () => {
      state = 'dead'
      for (const client of clients) cut(client)
      for (const open of gates.splice(0)) open()
    },
    look: async (admin) => {
      if (sender === null || (state !== 'sent' && state !== 'blocked')) return
      const found = await admin.query<{ isBlocked: boolean }>(
        'select cardinality(pg_blocking_pids($1)) > 0 as "isBlocked"',
        [sender],
      )
      const isBlocked = found.rows[0]?.isBlocked ?? false
      if (isBlocked && state === 'sent') state = 'blocked'
      if (!isBlocked && state === 'blocked') state = 'sent'
    },
    arrived: (ms) => Promise.race([arrival.promise, new Promise<void>((resolve) => void setTimeout(resolve, ms))]),
    close: async () => {
      state = 'idle'
      await pool.end().catch(() => {})
    },
  }
  return actor
}

const textOf = (statement: unknown): string => {
  if (typeof statement === 'string') return statement
  return typeof statement === 'object' && statement !== null && 'text' in statement ? String(statement.text) : ''
}

const processIdOf = (client: pg.PoolClient): number | null =>
  'processID' in client && typeof client.processID === 'number' ? client.processID : null

type Inside = { connection?: { stream?: { destroy?: () => void } } }

const cut = (client: pg.PoolClient & Inside): void => void client.connection?.stream?.destroy?.()
