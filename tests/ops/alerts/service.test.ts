import { availableParallelism } from 'node:os'
import { describe, expect, onTestFinished, test } from 'vitest'
import { startProxy } from '../../support/proxy.ts'
import { hasPromtool } from '../promtool.ts'
import { NOBODY, shareStage } from './stage.ts'

// More than can be hashed soon, however many cores there are.
const CROWD = 16 * availableParallelism()

describe.runIf(hasPromtool)('alerts', () => {
  const { databaseUrl, record, register, registerMany, sql, startOwnApi } = shareStage()

  test('a used-up limit fires LatchkeyLimitsRefuse', async () => {
    const own = await startOwnApi({ LIMIT_REGISTRATIONS_PER_NET: '1/1h' })
    const recording = record(() => ({ api: own.opsUrl }))
    await recording.look()
    for (let round = 0; round < 3; round++) await registerMany(20, own.url)
    await recording.look()
    expect(await recording.findOtherThan(['LatchkeyLimitsRefuse'])).toBeNull()
  })

  test('more sign-ups than can be hashed fire LatchkeyShedsLoad, and not that PostgreSQL is at fault', async () => {
    const own = await startOwnApi({ BCRYPT_COST: '13' })
    const recording = record(() => ({ api: own.opsUrl }))
    await recording.look()
    for (let round = 0; round < 2; round++) {
      const statuses = (await registerMany(CROWD, own.url)).map(({ status }) => status)
      expect(statuses.filter((status) => status === 503).length).toBeGreaterThan(5)
      await recording.look()
    }
    expect(await recording.findOtherThan(['LatchkeyShedsLoad'])).toBeNull()
  })

  test('a PostgreSQL whose disk is full fires LatchkeyRequestsUnavailable', async () => {
    await sql("create function fill() returns trigger language plpgsql as $$begin raise sqlstate '53100'; end$$")
    await sql('create trigger full_disk before insert on users execute function fill()')
    onTestFinished(async () => void (await sql('drop function fill() cascade')))
    const recording = record()
    await recording.look()
    for (let round = 0; round < 2; round++) {
      expect(new Set((await registerMany(8)).map(({ status }) => status))).toEqual(new Set([503]))
      await recording.look()
    }
    expect(await recording.findOtherThan(['LatchkeyRequestsUnavailable'])).toBeNull()
  })

  test('a fault of the service fires LatchkeyFaults', async () => {
    const recording = record()
    await recording.look()
    await sql('alter table users rename column ref to lost')
    onTestFinished(async () => void (await sql('alter table users rename column lost to ref')))
    for (let round = 0; round < 2; round++) {
      expect((await register()).status).toBe(500)
      await recording.look()
    }
    expect(await recording.findOtherThan(['LatchkeyFaults'])).toBeNull()
  })

  test('a lost PostgreSQL fires LatchkeyDatabaseDown', async () => {
    const proxy = await startProxy(databaseUrl())
    onTestFinished(proxy.close)
    const own = await startOwnApi({ DATABASE_URL: proxy.url })
    const recording = record(() => ({ api: own.opsUrl }))
    await recording.look()
    proxy.close()
    await recording.look()
    expect(await recording.findOtherThan(['LatchkeyDatabaseDown'])).toBeNull()
  })

  test('no api fires LatchkeyApiDown', async () => {
    const recording = record(() => ({ api: NOBODY }))
    await recording.look()
    await recording.look()
    expect(await recording.findOtherThan(['LatchkeyApiDown'])).toBeNull()
  })

  test('an api that ends again and again fires LatchkeyRestarts', async () => {
    let own = await startOwnApi()
    const recording = record(() => ({ api: own.opsUrl }))
    await recording.look()
    for (let round = 0; round < 3; round++) {
      // The start is told in whole seconds.
      const second = Math.floor(Date.now() / 1000)
      await expect.poll(() => Math.floor(Date.now() / 1000)).toBeGreaterThan(second)
      await own.kill()
      own = await startOwnApi()
      await recording.look()
    }
    expect(await recording.findOtherThan(['LatchkeyRestarts'])).toBeNull()
  })
})
