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

/** Puts a gate before each statement of the connections that the actor's use case has. */
export const createActor = (databaseUrl: string, name: string): Actor => {
  const pool = createPool(databaseUrl, { max: 3, name, logger: silent })
  const clients = new Set<pg.PoolClient>()
  const progress = createProgress()
  const gates = createGates(progress)
  pool.on('connect', (client) => {
    clients.add(client)
    putGateBefore(client, progress, gates)
  })

  const actor: Actor = {
    pool,
    state: progress.state,
    start: (run) => {
      gates.goOn()
      run(actor).then(() => progress.become('done'), progress.fail)
    },
    pause: () => gates.pass(null).then(() => gates.goOn()),
    step: gates.openNext,
    kill: () => {
      progress.become('dead')
      for (const client of clients) cut(client)
      gates.openAll()
    },
    look: async (admin) => {
      const asked = gates.asked()
      if (asked === null || !progress.isAsking()) return
      const found = await admin.query<{ isBlocked: boolean }>(
        'select cardinality(pg_blocking_pids($1)) > 0 as "isBlocked"',
        [asked],
      )
      progress.note(found.rows[0]?.isBlocked ?? false)
    },
    arrived: (ms) => Promise.race([progress.arrival(), new Promise<void>((resolve) => void setTimeout(resolve, ms))]),
    close: async () => {
      progress.end()
      await pool.end().catch(() => {})
    },
  }
  return actor
}

type Progress = ReturnType<typeof createProgress>

/** Where the actor is. It arrives where it waits, and at its end. */
const createProgress = () => {
  let state: State = 'idle'
  let arrival = Promise.withResolvers<void>()
  return {
    state: () => state,
    isAsking: () => state === 'sent' || state === 'blocked',
    arrival: () => arrival.promise,
    become: (next: State): void => {
      if (state === 'dead') return
      state = next
      if (state === 'waiting' || state === 'done') arrival.resolve()
      else arrival = Promise.withResolvers<void>()
    },
    note: (isBlocked: boolean): void => {
      if (isBlocked && state === 'sent') state = 'blocked'
      if (!isBlocked && state === 'blocked') state = 'sent'
    },
    fail: (error: unknown): void => {
      if (state !== 'dead') arrival.reject(error)
    },
    end: (): void => {
      state = 'idle'
    },
  }
}

type Gates = ReturnType<typeof createGates>

const createGates = (progress: Progress) => {
  // Statements that are sent together stand here in their order.
  const gates: (() => void)[] = []
  let asked: number | null = null

  const goOn = (): void => progress.become(gates.length > 0 ? 'waiting' : 'running')
  const endWhenDead = (): void => {
    if (progress.state() === 'dead') throw new Killed('the process is dead')
  }
  return {
    goOn,
    /** The process of the server that has the statement which was sent last. */
    asked: () => asked,
    pass: async (processId: number | null): Promise<void> => {
      endWhenDead()
      const opened = new Promise<void>((resolve) => void gates.push(resolve))
      if (progress.state() === 'running') goOn()
      await opened
      endWhenDead()
      asked = processId
    },
    openNext: (): void => {
      const open = gates.shift()
      progress.become('sent')
      open?.()
    },
    openAll: (): void => {
      for (const open of gates.splice(0)) open()
    },
  }
}

type Query = (...call: unknown[]) => unknown

const putGateBefore = (client: pg.PoolClient, progress: Progress, gates: Gates): void => {
  const send: Query = client.query.bind(client)
  const query: Query = (...call) => {
    if (progress.state() === 'idle' || FREE.test(textOf(call[0]))) return send(...call)
    const passed = gates.pass(processIdOf(client))
    const callback = call.at(-1)
    if (typeof callback !== 'function') return passed.then(() => send(...call)).finally(() => gates.goOn())
    const answered: Query = (...answer) => {
      gates.goOn()
      return callback(...answer)
    }
    passed.then(() => send(...call.slice(0, -1), answered), answered)
    return undefined
  }
  Object.assign(client, { query })
}

const textOf = (statement: unknown): string => {
  if (typeof statement === 'string') return statement
  return typeof statement === 'object' && statement !== null && 'text' in statement ? String(statement.text) : ''
}

const processIdOf = (client: pg.PoolClient): number | null =>
  'processID' in client && typeof client.processID === 'number' ? client.processID : null

type Inside = { connection?: { stream?: { destroy?: () => void } } }

const cut = (client: pg.PoolClient & Inside): void => void client.connection?.stream?.destroy?.()
