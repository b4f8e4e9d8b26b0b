import { setTimeout as sleep } from 'node:timers/promises'
import { Registry } from 'prom-client'
import { expect, test } from 'vitest'
import { addReadings, type Reading } from '../../src/core/process/telemetry/readings.ts'

const specs = { shop_apples: { help: 'Apples.' }, shop_pears: { help: 'Pears by colour.', label: 'colour' } }

/** The samples of a look, without the comments. */
const look = async (registry: Registry) =>
  (await registry.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'))

const shop = (read: () => Promise<Record<keyof typeof specs, Reading>>) => {
  const registry = new Registry()
  addReadings(registry, 'shop', specs, read)
  return registry
}

test('all gauges of a source are read by one question for each look', async () => {
  let questions = 0
  const registry = shop(async () => {
    questions += 1
    return { shop_apples: questions, shop_pears: { green: questions * 10, red: 0 } }
  })
  const first = await look(registry)
  expect(first).toContain('shop_apples 1')
  expect(first).toContain('shop_pears{colour="green"} 10')
  expect(await look(registry)).toContain('shop_apples 2')
  expect(questions).toBe(2)
})

test('what cannot be answered is absent, not as it was, and is counted', async () => {
  let isOpen = true
  const registry = shop(async () => {
    if (!isOpen) throw new Error('closed')
    return { shop_apples: 3, shop_pears: { green: 4 } }
  })
  await look(registry)
  isOpen = false
  expect(await look(registry)).toEqual([expect.stringContaining('latchkey_scrape_failures_total')])
  await look(registry)
  expect(await look(registry)).toEqual(['latchkey_scrape_failures_total{source="shop"} 2'])
  isOpen = true
  expect(await look(registry)).toContain('shop_apples 3')
})

test('a source that does not answer holds nobody up for more than two seconds, and is not asked again meanwhile', async () => {
  let questions = 0
  const answer = Promise.withResolvers<Record<keyof typeof specs, Reading>>()
  const registry = shop(() => {
    questions += 1
    return answer.promise
  })
  const looks = Promise.all([look(registry), look(registry)])
  const first = await Promise.race([looks, sleep(10_000, 'too late', { ref: false })])
  expect(first).not.toBe('too late')
  expect((await looks).flat().join()).not.toContain('shop_apples')
  answer.resolve({ shop_apples: 5, shop_pears: {} })
  expect(await look(registry)).toContain('shop_apples 5')
  expect(questions).toBe(1)
}, 30_000)

test('a value of a label that is gone is gone', async () => {
  let pears: Record<string, number> = { green: 1, red: 2 }
  const registry = shop(async () => ({ shop_apples: 0, shop_pears: pears }))
  expect(await look(registry)).toContain('shop_pears{colour="red"} 2')
  pears = { green: 1 }
  expect((await look(registry)).join()).not.toContain('red')
})
