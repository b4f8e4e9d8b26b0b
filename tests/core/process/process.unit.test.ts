import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { releaseMemory } from '../../../src/core/process/release-memory.ts'
import { readVersion } from '../../../src/core/process/version.ts'

test('the version is the one that is released', () => {
  const released = readFileSync(join(import.meta.dirname, '../../../package.json'), 'utf8')
  expect(released).toContain(`"version": "${readVersion()}"`)
})

test('what is garbage by the start’s end is collected at once', async () => {
  const kept = { of: 'the start' }
  const garbage = Array.from({ length: 10 }, () => new WeakRef({ of: 'the start' }))
  const reachable = new WeakRef(kept)
  // What was just reached is kept until the next turn.
  await new Promise((resolve) => setImmediate(resolve))
  await releaseMemory()
  expect(garbage.filter((it) => it.deref() !== undefined)).toEqual([])
  expect(reachable.deref()).toBe(kept)
})
