import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { PASSWORD, post } from '../support/api.ts'
import { DRAIN_LIMIT_MS, timed, useProcesses } from './stage.ts'

const { database, start } = useProcesses()

/** Holds a table, so that whoever writes to it waits in the middle of its work until `release`. */
const holdUsers = async () => {
  const client = await database.pool.connect()
  await client.query('begin')
  await client.query('lock table users in access exclusive mode')
  let isHeld = true
  const release = async () => {
    if (!isHeld) return
    isHeld = false
    await client.query('rollback')
    client.release()
  }
  onTestFinished(release)
  return {
    release,
    waiting: async () => {
      const found = await database.pool.query(
        "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
      )
      return found.rowCount
    },
  }
}

describe('SIGTERM', () => {
  test('an idle api and an idle worker end with 0 at once', async () => {
    for (const process of await Promise.all([start('api'), start('worker')])) {
      const { code, ms } = await timed(process.stop())
      expect(code).toBe(0)
      expect(ms).toBeLessThan(5000)
      expect(process.log()).toContain('"stopped"')
    }
  })

  test('the api answers the request in flight, takes no new one, and ends with 0 in time', async () => {
    const api = await start('api')
    const table = await holdUsers()
    const inFlight = fetch(`${api.url}/v1/users`, post({ email: 'in-flight@example.com', password: PASSWORD }))
    await expect.poll(table.waiting).toBe(1)
    const stopped = timed(api.stop())
    await expect.poll(() => api.log()).toContain('stopping')
    await expect(fetch(`${api.url}/livez`, { headers: { connection: 'close' } })).rejects.toThrow('fetch failed')
    await table.release()
    expect((await inFlight).status).toBe(202)
    const { code, ms } = await stopped
    expect(code).toBe(0)
    expect(ms).toBeLessThan(DRAIN_LIMIT_MS)
    expect(api.log()).not.toContain('stopped before everything was finished')
  })

  test('an idle connection that a client keeps open does not hold the api up', async () => {
    const api = await start('api')
    const socket = connect(Number(new URL(api.url).port), '127.0.0.1')
    onTestFinished(() => void socket.destroy())
    socket.write('GET /livez HTTP/1.1\r\nHost: x\r\n\r\n')
    await once(socket, 'data')
    const { code, ms } = await timed(api.stop())
    expect(code).toBe(0)
    expect(ms).toBeLessThan(5000)
  })

  test('a second signal ends the process at once with 1', async () => {
    const api = await start('api')
    const table = await holdUsers()
    const cut = fetch(`${api.url}/v1/users`, post({ email: 'cut@example.com', password: PASSWORD }))
    const outcome = expect(cut).rejects.toThrow('fetch failed')
    await expect.poll(table.waiting).toBe(1)
    const first = api.stop()
    await expect.poll(() => api.log()).toContain('stopping')
    const { code, ms } = await timed(api.stop())
    expect(code).toBe(1)
    expect(ms).toBeLessThan(3000)
    expect(await first).toBe(1)
    await outcome
  })
})
