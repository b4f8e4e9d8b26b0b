import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { explore } from './explorer.ts'
import { faultsOf } from './invariants.ts'
import { SCENES, sceneOf } from './scenes.ts'
import { recover } from './stage.ts'

// `make prove` tries every order; a run of all tests so many of each scene, chosen by chance.
const MOST = process.env.PROVE === 'whole' ? Number.POSITIVE_INFINITY : 12

let database: TestDatabase

beforeAll(async () => {
  database = await createTestDatabase()
  const name = new URL(database.url).pathname.slice(1)
  await database.pool.query(`alter database ${name} set deadlock_timeout to '20ms'`)
})
afterAll(() => database.drop())

describe('in whatever order the statements are sent, nothing that was promised breaks', () => {
  test.each(Object.keys(SCENES))('%s', { timeout: 600_000 }, async (name) => {
    const set = sceneOf(database, name)
    const explored = await explore(
      database.url,
      async () => {
        const { stage, acts } = await set()
        return { acts, check: async () => recover(stage).then(() => faultsOf(stage)) }
      },
      MOST,
    )
    if (MOST === Number.POSITIVE_INFINITY) process.stdout.write(`  ${explored.orders} orders: ${name}\n`)
    expect(explored.faults).toEqual([])
    expect(explored.orders).toBeGreaterThan(1)
  })
})
