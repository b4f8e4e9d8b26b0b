import { availableParallelism } from 'node:os'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, test, vi } from 'vitest'
import {
  createHashingQueue,
  HashingOverloaded,
  type HashingQueue,
  type HashWork,
} from '../../src/core/credentials/hashing-queue.ts'

const CORES = availableParallelism()
const alive = new AbortController().signal

/** A queue whose pieces end when the test says so; `pieceMs` is what each is thought to take on a core. */
const createStage = (pieceMs: number) => {
  const queue = createHashingQueue(pieceMs * CORES)
  const begun: { name: string; end: () => void }[] = []
  const refused: unknown[] = []
  const add = (priority: HashWork['priority'], signal = alive) => {
    const piece = queue.add({ priority, signal }, () => {
      const { promise, resolve } = Promise.withResolvers<void>()
      begun.push({ name: priority, end: resolve })
      return promise
    })
    piece.catch((error: unknown) => refused.push(error))
    return piece
  }
  const fill = (priority: HashWork['priority'], count: number) => Array.from({ length: count }, () => add(priority))
  /** Ends one running piece after the other, and names those that begin. */
  const endOneByOne = async (count: number): Promise<string[]> => {
    const from = begun.length
    for (let ended = 0; ended < count; ended += 1) {
      begun[from - CORES + ended]?.end()
      await nextTurn()
    }
    return begun.slice(from).map(({ name }) => name)
  }
  return { queue, begun, refused, add, fill, endOneByOne }
}

test('no more pieces run at once than there are cores, even when the clients of the running ones go', async () => {
  const { queue, begun, refused, add } = createStage(1)
  const client = new AbortController()
  for (let index = 0; index < CORES; index += 1) add('registration', client.signal)
  add('registration')
  client.abort(new Error('the client is gone'))
  await nextTurn()
  expect(begun).toHaveLength(CORES)
  expect(queue.waiting()).toBe(1)
  begun[0]?.end()
  await nextTurn()
  expect(begun).toHaveLength(CORES + 1)
  expect(refused).toEqual([new Error('the client is gone')])
})

test('a piece that waits is dropped when its client goes, and one whose client is gone already never waits', async () => {
  const { queue, begun, refused, add, fill } = createStage(1)
  const client = new AbortController()
  fill('registration', CORES)
  add('registration', client.signal)
  client.abort(new Error('the client is gone'))
  expect(queue.waiting()).toBe(0)
  add('sign-in', client.signal)
  await nextTurn()
  expect(queue.waiting()).toBe(0)
  expect(begun).toHaveLength(CORES)
  expect(refused).toEqual([new Error('the client is gone'), new Error('the client is gone')])
})

test('three quarters of a second of work may wait, and not more', async () => {
  const { queue, refused, fill } = createStage(100)
  fill('registration', 30)
  await nextTurn()
  expect(refused.every((error) => error instanceof HashingOverloaded)).toBe(true)
  expect(queue.waiting()).toBe(7)
  expect(refused).toHaveLength(30 - CORES - 7)
  expect(() => queue.checkRoom('registration')).toThrow(HashingOverloaded)
})

test.each([['sign-in', 'registration'] as const, ['registration', 'sign-in'] as const])(
  'half of that is kept for a %s in a flood of the other kind',
  async (kept, flood) => {
    const { queue, refused, fill } = createStage(100)
    fill(flood, 30)
    await nextTurn()
    queue.checkRoom(kept)
    fill(kept, 15)
    await nextTurn()
    expect(queue.waiting()).toBe(7 + 3)
    expect(refused).toHaveLength(30 - CORES - 7 + 15 - 3)
  },
)

test('one piece of each kind may wait, however long it takes', async () => {
  const { queue, begun, refused, fill } = createStage(5000)
  fill('registration', CORES + 2)
  fill('sign-in', 2)
  await nextTurn()
  expect(begun).toHaveLength(CORES)
  expect(queue.waiting()).toBe(2)
  expect(refused).toHaveLength(2)
})

test('a sign-in goes before the registrations that wait, and one of them before the next sign-in', async () => {
  const { fill, endOneByOne } = createStage(1)
  fill('registration', CORES + 4)
  fill('sign-in', 3)
  expect(await endOneByOne(6)).toEqual([
    'sign-in',
    'registration',
    'sign-in',
    'registration',
    'sign-in',
    'registration',
  ])
})

test('the turn of a registration whose client goes passes to the next', async () => {
  const { add, fill, endOneByOne } = createStage(1)
  const client = new AbortController()
  fill('sign-in', CORES)
  add('registration', client.signal)
  fill('sign-in', 2)
  fill('registration', 1)
  expect(await endOneByOne(1)).toEqual(['sign-in'])
  client.abort(new Error('the client is gone'))
  expect(await endOneByOne(2)).toEqual(['sign-in', 'registration'])
})

/** How many of a kind may wait behind those that run. */
const roomFor = (queue: HashingQueue, priority: HashWork['priority']): number => {
  const never = () => new Promise<void>(() => {})
  for (let count = 0; ; count += 1) {
    try {
      queue.checkRoom(priority)
    } catch (error) {
      expect(error).toEqual(new HashingOverloaded('too much hashing is waiting'))
      return count - CORES
    }
    void queue.add({ priority, signal: alive }, never)
  }
}

const runOne = async (queue: HashingQueue, tookMs: number) => {
  const clock = vi
    .spyOn(performance, 'now')
    .mockReturnValueOnce(1000)
    .mockReturnValueOnce(1000 + tookMs)
  await queue.add({ priority: 'sign-in', signal: alive }, async () => {})
  clock.mockRestore()
}

test('the room is three quarters of a second of work to the piece, and half of it for the second kind', () => {
  const queue = createHashingQueue(50 * CORES)
  expect(roomFor(queue, 'registration')).toBe(15)
  expect(roomFor(queue, 'sign-in') + CORES).toBe(7)
})

test.each([
  ['quicker', 0, 750 / 45],
  ['slower', 100, 750 / 55],
  ['a hundred times as slow, which counts as three times', 5000, 750 / 60],
])(
  'one piece of work that was %s than the others moves the room by a tenth of the difference',
  async (_how, ms, room) => {
    const queue = createHashingQueue(50 * CORES)
    await runOne(queue, ms * CORES)
    expect(roomFor(queue, 'registration')).toBe(Math.floor(room))
  },
)
