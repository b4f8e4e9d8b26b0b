import pg from 'pg'
import { expect, test } from 'vitest'
import { shareFlushes } from '../../../src/core/postgres/connection/shared-flush.ts'

type Sent = { text: string; answer(): Promise<void>; refuse(): Promise<void> }

const turn = () => new Promise(setImmediate)
const LOST = new Error('lost')

/** A session whose statements wait until they are answered here. */
const open = () => {
  const sent: Sent[] = []
  const query = (text: string) =>
    new Promise<void>((resolve, reject) =>
      sent.push({
        text: text.includes('pg_logical_emit_message') ? 'flush' : text.startsWith('reset') ? 'end' : 'begin',
        answer: () => {
          resolve()
          return turn().then(() => {})
        },
        refuse: () => {
          reject(LOST)
          return turn().then(() => {})
        },
      }),
    )
  const shared = shareFlushes(Object.assign(new pg.Client(), { query, release: () => {} }))
  const ends: string[] = []
  const wait = (name: string) =>
    shared.flushed().then(
      () => void ends.push(name),
      (error: unknown) => void ends.push(`${name} ${error === LOST ? 'lost' : error}`),
    )
  return { ...shared, query, sent, ends, wait, texts: () => sent.map(({ text }) => text) }
}

test('one flush is under way at a time, and who asks meanwhile shares the next', async () => {
  const { sent, ends, wait, texts } = open()
  await sent[0]?.answer()
  for (const name of ['first', 'second']) void wait(name)
  await turn()
  expect(texts()).toEqual(['begin', 'flush'])
  for (const name of ['third', 'fourth']) void wait(name)
  await turn()
  expect(texts()).toEqual(['begin', 'flush'])
  await sent[1]?.answer()
  expect([texts(), ends]).toEqual([
    ['begin', 'flush', 'flush'],
    ['first', 'second'],
  ])
  await sent[2]?.answer()
  expect(ends).toEqual(['first', 'second', 'third', 'fourth'])
  void wait('fifth')
  await turn()
  expect(texts()).toEqual(['begin', 'flush', 'flush', 'flush'])
})

test('a flush leaves behind all that is sent in the tick in which it is asked for', async () => {
  const { wait, texts, query } = open()
  void wait('first')
  for (let turns = 0; turns < 20; turns += 1) await Promise.resolve()
  void query('reset all')
  await turn()
  expect(texts()).toEqual(['begin', 'end', 'flush'])
})

test('a flush that fails fails those that wait for it, and the next is another try', async () => {
  const { sent, ends, wait } = open()
  await sent[0]?.answer()
  void wait('first')
  await turn()
  void wait('second')
  await sent[1]?.refuse()
  expect(ends).toEqual(['first lost'])
  await sent[2]?.answer()
  expect(ends).toEqual(['first lost', 'second'])
})

test('where it could not begin nobody is told that his is on the disk', async () => {
  const { sent, ends, wait, texts, end } = open()
  void wait('first')
  await sent[0]?.refuse()
  expect(ends).toEqual(['first lost'])
  void end()
  expect(texts()).toEqual(['begin', 'flush', 'end'])
})
