import { EventEmitter } from 'node:events'
import pg from 'pg'
import { afterAll, expect, onTestFinished, test, vi } from 'vitest'
import { withSession } from '../../../src/core/postgres/connection/session.ts'

type Pause = { ms: number; ref: boolean | undefined; end(): void }
const pauses: Pause[] = []

// Ends when a test says so, or by its signal.
vi.doMock('node:timers/promises', () => ({
  setTimeout: (ms: number, _value: unknown, { ref, signal }: { ref?: boolean; signal: AbortSignal }) =>
    new Promise<void>((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason)
      const pause = { ms, ref, end: () => resolve() }
      pauses.push(pause)
      signal.addEventListener('abort', () => reject(signal.reason))
    }),
}))

// Files before this one in the process have loaded it with the real pauses, and files behind it need those again.
vi.resetModules()
const { listen } = await import('../../../src/core/postgres/listen.ts')
afterAll(() => {
  vi.doUnmock('node:timers/promises')
  vi.resetModules()
})

const URL_OF_ALL = 'postgres://nobody@127.0.0.1:1/none'
const turn = () => new Promise(setImmediate)

type Answer = (asked: string) => Promise<unknown>

/** Listens on connections that answer as `answer` says; each is kept with what it was made of and asked. */
const start = async (answer: Answer = async () => ({ rows: [] }), stop = new AbortController()) => {
  pauses.length = 0
  const heard: string[] = []
  const connections: Connection[] = []
  class Connection extends EventEmitter {
    readonly asked: string[] = []
    readonly options: unknown
    readonly escapeIdentifier = (name: string) => `"${name}"`
    constructor(options: unknown) {
      super()
      this.options = options
      connections.push(this)
    }
    readonly connect = () => this.query('connect')
    readonly end = () => this.query('end')
    query(asked: string, values: unknown[] = []) {
      this.asked.push([asked, ...values].join(' '))
      return answer(asked)
    }
  }
  const { Client } = pg
  onTestFinished(() => void Object.assign(pg, { Client }))
  Object.assign(pg, { Client: Connection })
  let isOver = false
  const listening = listen(URL_OF_ALL, 'a_channel', (payload) => heard.push(payload), stop.signal).then(() => {
    isOver = true
  })
  onTestFinished(async () => {
    stop.abort()
    await listening
  })
  await turn()
  const pass = async () => {
    pauses.at(-1)?.end()
    await turn()
  }
  const end = async () => {
    stop.abort()
    await turn()
  }
  return { connections, heard, pass, stop: end, isOver: () => isOver }
}

const named: Answer = async (asked) => ({ rows: asked.includes(' as name') ? [{ name: 'a_channel.own' }] : [] })

const BEGUN = ['connect', `select concat_ws('.', $1::text, nullif(current_schema(), 'public')) as name a_channel`]
const LISTENING = [...BEGUN, 'listen "a_channel.own"']

test('a connection is made for hearing alone, and a server that says nothing is not waited for', async () => {
  const { connections } = await start()
  expect(connections.map(({ options }) => options)).toEqual([
    {
      connectionString: withSession(URL_OF_ALL),
      application_name: 'latchkey-listen',
      keepAlive: true,
      keepAliveInitialDelayMillis: 10_000,
      connectionTimeoutMillis: 3000,
      query_timeout: 3000,
    },
  ])
})

test('who listens is called when he does and for each notification, and the server is asked every ten seconds', async () => {
  const { connections, heard, pass } = await start(named)
  expect(connections[0]?.asked).toEqual(LISTENING)
  expect(heard).toEqual([''])
  connections[0]?.emit('notification', { payload: 'some news' })
  connections[0]?.emit('notification', {})
  expect(heard).toEqual(['', 'some news', ''])
  // It does not keep a process going.
  expect(pauses).toMatchObject([{ ms: 10_000, ref: false }])
  await pass()
  await pass()
  expect(connections[0]?.asked).toEqual([...LISTENING, 'select 1', 'select 1'])
  expect(pauses.map(({ ms }) => ms)).toEqual([10_000, 10_000, 10_000])
  expect(connections).toHaveLength(1)
})

test.each([
  ['end', undefined],
  ['error', new Error('lost')],
])('a connection of which there is an %s is opened again a second later', async (event, told) => {
  const { connections, heard, pass } = await start(named)
  connections[0]?.emit(event, told)
  await turn()
  expect(connections[0]?.asked).toEqual([...LISTENING, 'end'])
  expect(pauses.at(-1)).toMatchObject({ ms: 1000, ref: undefined })
  expect(connections).toHaveLength(1)
  await pass()
  expect(connections[1]?.asked).toEqual(LISTENING)
  expect(heard).toEqual(['', ''])
})

test.each(['connect', 'select concat_ws', 'listen', 'select 1'])(
  'and so is one whose %s fails, even if it does not end well',
  async (statement) => {
    const fails: Answer = async (asked) => {
      if (asked.startsWith(statement) || asked === 'end') throw new Error('no')
      return named(asked)
    }
    const { connections, pass } = await start(fails)
    if (statement === 'select 1') await pass()
    expect(connections[0]?.asked.at(-1)).toBe('end')
    expect([connections.length, pauses.at(-1)?.ms]).toEqual([1, 1000])
    await pass()
    expect(connections).toHaveLength(2)
  },
)

test('told to stop it ends a connection that is in use, one that never comes, and a pause', async () => {
  const never: Answer = (asked) => (asked === 'connect' ? new Promise(() => {}) : named(asked))
  const refused: Answer = async (asked) => {
    if (asked === 'connect') throw new Error('no')
  }
  for (const answer of [named, never, refused]) {
    const { connections, stop, isOver } = await start(answer)
    expect(isOver()).toBe(false)
    await stop()
    expect([connections.length, connections[0]?.asked.at(-1), isOver()]).toEqual([1, 'end', true])
  }
})

test('told to stop before it begins it opens nothing', async () => {
  const stop = new AbortController()
  stop.abort()
  expect((await start(named, stop)).connections).toEqual([])
})
