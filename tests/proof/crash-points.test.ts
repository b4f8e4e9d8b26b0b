import { describe, expect, test } from 'vitest'
import { shareTestDatabase } from '../support/database.ts'
import { crashEverywhere } from './explorer.ts'
import { faultsOf } from './invariants.ts'
import { ALONE, sceneOf } from './scenes.ts'
import { recover } from './stage.ts'

const database = shareTestDatabase()

describe('wherever its process is killed, what comes after makes it whole', () => {
  test.each(Object.keys(ALONE))('%s', async (name) => {
    const set = sceneOf(database, name)
    const explored = await crashEverywhere(database.url, async () => {
      const { stage, acts } = await set()
      return { acts, check: async () => recover(stage).then(() => faultsOf(stage, true)) }
    })
    if (process.env.PROVE === 'whole') process.stdout.write(`  ${explored.orders} points: ${name}\n`)
    expect(explored.faults).toEqual([])
    expect(explored.orders).toBeGreaterThan(1)
  })
})
