import { afterEach, describe, expect, test } from 'vitest'
import { createTestApi } from '../../support/api.ts'
import { shareTestDatabase } from '../../support/database.ts'
import { SECRET_KEY } from '../../support/secret-key.ts'
import { count, expectProblem, statusesInOrder } from '../api-client.ts'
import { send } from './send.ts'

const database = shareTestDatabase()
afterEach(async () => void (await database.pool.query('delete from rate_limits; delete from users')))

describe('registrations of a network', () => {
  test('past the budget are refused with 429 and its headers, and store nothing', async () => {
    const app = await createTestApi(database, { LIMIT_REGISTRATIONS_PER_NET: '2/1h,60/24h' })
    const first = await send(app)
    expect(first.headers.get('ratelimit-policy')).toMatch(/^"[\w-]+";q=2;w=3600, "[\w-]+";q=60;w=86400$/)
    expect(first.headers.get('ratelimit')).toMatch(/^"[\w-]+";r=1;t=3[56]\d\d, "[\w-]+";r=59;t=86[34]\d\d$/)
    expect((await send(app)).status).toBe(202)
    const refused = await send(app)
    await expectProblem(refused, 'too-many-requests')
    const wait = Number(refused.headers.get('retry-after'))
    expect(wait).toBeGreaterThan(3500)
    expect(wait).toBeLessThanOrEqual(3600)
    expect(refused.headers.get('ratelimit-policy')).toMatch(/"[\w-]+";q=2;w=3600/)
    expect(refused.headers.get('ratelimit')).toContain(`r=0;t=${wait}`)
    expect(await count(database, 'users')).toBe(2)
  })

  test('begin anew when the window is over', async () => {
    const app = await createTestApi(database, { LIMIT_REGISTRATIONS_PER_NET: '1/1h' })
    expect(await statusesInOrder(2, () => send(app))).toEqual([202, 429])
    await database.pool.query('update rate_limits set expire = expire - 3600001')
    expect(await statusesInOrder(2, () => send(app))).toEqual([202, 429])
  })

  test('are 20 an hour unless told otherwise', async () => {
    const app = await createTestApi(database, { LIMIT_REGISTRATIONS_PER_NET: '' })
    expect(await statusesInOrder(21, () => send(app))).toEqual([...Array(20).fill(202), 429])
  })

  test('are not limited when the limit is off', async () => {
    const app = await createTestApi(database, { LIMIT_REGISTRATIONS_PER_NET: 'off' })
    expect(new Set(await statusesInOrder(25, () => send(app)))).toEqual(new Set([202]))
    expect((await send(app)).headers.has('ratelimit')).toBe(false)
  })

  test('at once cannot exceed the budget', async () => {
    const app = await createTestApi(database, { LIMIT_REGISTRATIONS_PER_NET: '5/1h' })
    const answers = await Promise.all(Array.from({ length: 20 }, () => send(app)))
    expect(answers.filter(({ status }) => status === 202)).toHaveLength(5)
  })

  test('are counted on when the SECRET_KEY is rotated', async () => {
    const limit = { LIMIT_REGISTRATIONS_PER_NET: '3/1h' }
    const former = await createTestApi(database, limit)
    const rotated = await createTestApi(database, {
      ...limit,
      SECRET_KEY: `a newer key that only the tests use,${SECRET_KEY}`,
    })
    expect(await statusesInOrder(2, () => send(former))).toEqual([202, 202])
    const last = await send(rotated)
    expect([last.status, last.headers.get('ratelimit')]).toEqual([202, expect.stringContaining('r=0;')])
    const refused = await send(rotated)
    await expectProblem(refused, 'too-many-requests')
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(3500)
    expect((await send(rotated, 'ada@example.com', '192.0.2.2')).status).toBe(202)
  })

  test('at once cannot exceed the budget that a rotated SECRET_KEY left', async () => {
    const limit = { LIMIT_REGISTRATIONS_PER_NET: '5/1h' }
    const former = await createTestApi(database, limit)
    const rotated = await createTestApi(database, {
      ...limit,
      SECRET_KEY: `a newer key that only the tests use,${SECRET_KEY}`,
    })
    await statusesInOrder(3, () => send(former))
    const answers = await Promise.all(Array.from({ length: 10 }, () => send(rotated)))
    expect(answers.filter(({ status }) => status === 202)).toHaveLength(2)
  })

  test('that are refused for their body cost nothing', async () => {
    const app = await createTestApi(database, { LIMIT_REGISTRATIONS_PER_NET: '1/1h' })
    expect(await statusesInOrder(3, () => send(app, 'nobody'))).toEqual([422, 422, 422])
    expect((await send(app)).status).toBe(202)
  })
})
