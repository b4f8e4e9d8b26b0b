import { trace } from '@opentelemetry/api'
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import pg from 'pg'
import { afterEach, expect, onTestFinished, test } from 'vitest'
import { createPool } from '../../../src/core/postgres/pool.ts'
import { transaction, transactionAtOnce, unlessRefused } from '../../../src/core/postgres/transaction.ts'
import { silent } from '../../support/database.ts'
import { forgetTracing, freshTracing } from '../telemetry/fresh-tracing.ts'

afterEach(forgetTracing)

const NOWHERE = 'postgres://nobody@127.0.0.1:1/nothing'

/** A pool of one connection on which statements end as `answer` says: what is sent on it, and with what it is given back. */
const openPool = (answer: (statement: string) => Promise<unknown> = async () => {}) => {
  const sent: string[] = []
  const released: unknown[] = []
  const client = Object.assign(new pg.Client(), {
    query: (statement: string) => {
      sent.push(statement)
      return answer(statement)
    },
    release: (error?: unknown) => void released.push(error),
  })
  const pool = createPool(NOWHERE, { max: 1, name: 'fake', logger: silent })
  return { pool: Object.assign(pool, { connect: async () => client }), sent, released }
}

const both = [
  { kind: 'a transaction', run: transaction },
  { kind: 'a transaction at once', run: transactionAtOnce },
]

test('what does not roll back is ended, and what went wrong before is passed on', async () => {
  const lost = new Error('lost')
  const { pool, released } = openPool((statement) =>
    statement === 'rollback' ? Promise.reject(lost) : Promise.resolve(),
  )
  const undone = transaction(pool, async () => {
    throw new Error('changed my mind')
  })
  await expect(undone).rejects.toThrow('changed my mind')
  expect(released).toEqual([lost])
})

test('what a lost connection began is not rolled back there: it would give no answer to that either', async () => {
  const lost = Object.assign(new Error('lost'), { code: 'ECONNRESET' })
  const { pool, sent, released } = openPool((statement) =>
    statement === 'select 1' ? Promise.reject(lost) : Promise.resolve(),
  )
  await expect(transaction(pool, (tx) => tx.query('select 1'))).rejects.toBe(lost)
  expect(sent).toEqual([pool.begin, 'select 1'])
  expect(released).toEqual([lost])
})

test.each(both)(
  'the connection of $kind goes back when what is announced behind its commit was sent',
  async ({ run }) => {
    const announced = Promise.withResolvers<void>()
    const { pool, released } = openPool((statement) =>
      statement.includes('pg_notify') ? announced.promise : Promise.resolve(),
    )
    await run(pool, async (tx) => tx.announce('mails'))
    expect(released).toEqual([])
    announced.resolve()
    await expect.poll(() => released).toEqual([undefined])
  },
)

test('a transaction that does not begin fails once, however many statements were sent behind it', async () => {
  const unhandled: unknown[] = []
  const note = (reason: unknown) => void unhandled.push(reason)
  process.on('unhandledRejection', note)
  onTestFinished(() => void process.off('unhandledRejection', note))
  const refuse = (...those: string[]) =>
    openPool((statement) =>
      those.some((start) => statement.startsWith(start))
        ? Promise.reject(new Error(`no ${statement}`))
        : Promise.resolve(),
    ).pool
  const gone = transaction(refuse('begin'), async () => {
    throw new Error('changed my mind')
  })
  await expect(gone).rejects.toThrow('changed my mind')
  const [none, saved] = [refuse('begin', 'select'), refuse('savepoint', 'select')]
  await expect(transaction(none, (tx) => tx.query('select 1'))).rejects.toThrow('no begin')
  const refused = transaction(saved, (tx) => unlessRefused(tx, '23505', () => tx.query('select 1')))
  await expect(refused).rejects.toThrow('no select 1')
  await new Promise(setImmediate)
  expect(unhandled).toEqual([])
})

test('a transaction is a step of its trace', async () => {
  const exporter = new InMemorySpanExporter()
  const { beginTracing } = await freshTracing()
  const fresh = await import('../../../src/core/postgres/transaction.ts')
  trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] }))
  beginTracing()
  await fresh.transaction(openPool().pool, async () => {})
  expect(exporter.getFinishedSpans()).toMatchObject([
    { name: 'transaction', kind: 0, attributes: { 'db.system.name': 'postgresql' } },
  ])
})
