import { Webhook } from 'standardwebhooks'
import { Webhook as SvixWebhook } from 'svix'
import * as v from 'valibot'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { readUser } from '../support/answers.ts'
import { basic, createTestApi, PASSWORD, post } from '../support/api.ts'
import { backends } from '../support/backends.ts'
import { type EventReceiver, startEventReceiver } from '../support/event-receiver.ts'
import { codeIn } from '../support/mail-provider.ts'
import { startProcess, type TestProcess } from '../support/processes.ts'
import { untilServed } from '../support/until-served.ts'
import { PATIENT, type Stage, setStage } from '../worker/stage.ts'

const SECRETS = ['whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz', 'whsec_YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXo=']
const job = v.object({ id: v.string(), name: v.string(), data: v.unknown() })
const board = v.object({ queues: v.array(v.object({ name: v.string(), jobs: v.array(job) })) })
const readyz = v.object({ checks: v.record(v.string(), v.string()) })
const OPERATOR = { OPS_USER: 'ops', OPS_PASSWORD: 'ops' }

describe.each(backends)('events, with jobs on %s', { timeout: 60_000 }, (backend) => {
  let stage: Stage
  let receiver: EventReceiver
  /** Asks the API, which runs in this process until a test starts another. */
  let ask: (path: string, init: RequestInit) => Promise<Response>
  let processes: TestProcess[]
  let environment: Record<string, string | undefined>

  beforeEach(async () => {
    ;[stage, receiver] = await Promise.all([setStage(backend), startEventReceiver()])
    environment = {
      DATABASE_URL: stage.database.url,
      REDIS_URL: stage.redis?.url,
      MAIL_URL: stage.provider.url,
      WEBHOOK_URL: receiver.url,
      WEBHOOK_SECRET: SECRETS.join(','),
      ...OPERATOR,
    }
    processes = []
    const api = await createTestApi(stage.database, { WEBHOOK_URL: receiver.url })
    ask = async (path, init) => api.request(path, init)
  })
  afterEach(async () => {
    await Promise.all(processes.map((process) => process.kill()))
    await receiver.close()
    await stage.close()
  })

  const startWorker = async (more: Record<string, string> = {}) => {
    const worker = await startProcess('worker', { ...environment, ...more })
    processes.push(worker)
    return worker
  }
  const startApi = async () => {
    const api = await startProcess('api', environment)
    processes.push(api)
    ask = (path, init) => fetch(`${api.url}${path}`, init)
  }
  const register = async (email: string) => {
    const answer = await untilServed(() =>
      ask('/v1/users', post({ email, password: PASSWORD, metadata: { plan: 'free' } })),
    )
    expect(answer.status).toBe(202)
    return readUser(answer)
  }
  const activate = async (email: string) => {
    const { id } = await register(email)
    await expect.poll(() => stage.provider.inbox(email).length, PATIENT).toBe(1)
    const code = codeIn(stage.provider.inbox(email)[0])
    const answer = await ask(`/v1/users/${id}/activation`, post({ code }, { authorization: basic(email) }))
    expect(answer.status).toBe(200)
    return readUser(answer)
  }
  const account = (method: string, email: string, path = '', body?: object) =>
    ask(`/v1/account${path}`, {
      method,
      headers: { authorization: basic(email), 'content-type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    })
  const typesTaken = () => receiver.taken().map(({ type }) => type)
  const jobOf = async (worker: TestProcess, status: string) => {
    const answer = await fetch(`${worker.opsUrl}/dashboard/api/queues?activeQueue=webhook&status=${status}&page=1`, {
      headers: { authorization: `Basic ${btoa('ops:ops')}` },
    })
    const { queues } = v.parse(board, await answer.json())
    return queues.find(({ name }) => name === 'webhook')?.jobs ?? []
  }

  test('an activation, a change of password and a deletion are told once each, signed with every key, and say no secret', async () => {
    const [worker] = await Promise.all([startWorker(), startApi()])
    const user = await activate('ada@example.com')
    expect((await account('PUT', user.email, '/password', { password: 'another horse battery' })).status).toBe(204)
    await expect.poll(() => typesTaken().toSorted(), PATIENT).toEqual(['user.activated', 'user.password-changed'])
    const activated = receiver.taken().find(({ type }) => type === 'user.activated')
    expect(activated?.data).toEqual({
      user: {
        id: user.id,
        email: user.email,
        locale: 'en',
        metadata: { plan: 'free' },
        createdAt: user.createdAt,
        activatedAt: user.activatedAt,
      },
    })
    for (const { headers, body } of receiver.requests) {
      const signed = {
        'webhook-id': String(headers['webhook-id']),
        'webhook-timestamp': String(headers['webhook-timestamp']),
        'webhook-signature': String(headers['webhook-signature']),
      }
      for (const secret of SECRETS) {
        expect(new Webhook(secret).verify(body, signed)).toEqual(JSON.parse(body))
        expect(() => new SvixWebhook(secret).verify(body, signed)).not.toThrow()
      }
      expect(() => new Webhook(`whsec_${btoa('b'.repeat(24))}`).verify(body, signed)).toThrow()
      expect(body).not.toMatch(/\$2[aby]\$|\$bcrypt|horse/)
    }
    expect(await jobOf(worker, 'completed')).toContainEqual({
      id: activated?.id,
      name: 'send-webhook',
      data: { eventId: activated?.id },
    })
    const kept = await stage.pool.query('select distinct data::text as data from events where settled_at is not null')
    expect(kept.rows).toEqual([{ data: '{}' }])
    const deleted = await ask('/v1/account', {
      method: 'DELETE',
      headers: { authorization: basic(user.email, 'another horse battery') },
    })
    expect(deleted.status).toBe(204)
    await expect.poll(typesTaken, PATIENT).toContain('user.deleted')
    expect(receiver.taken().at(-1)?.data).toEqual({ user: { id: user.id } })
    expect(receiver.requests).toHaveLength(3)
  })

  test('whatever is no 2xx in time is tried again under the same id with the same bytes, and no redirect is followed', async () => {
    receiver.answerWith([500, 'redirect', 400], 'long')
    await startWorker()
    await activate('again@example.com')
    await expect.poll(() => receiver.requests.length, PATIENT).toBe(4)
    expect(new Set(receiver.requests.map(({ id }) => id)).size).toBe(1)
    expect(new Set(receiver.requests.map(({ body }) => body)).size).toBe(1)
    expect(receiver.requests.every(({ headers }) => headers['webhook-signature'])).toBe(true)
    await expect
      .poll(async () => (await stage.pool.query('select outcome, attempts from events')).rows, PATIENT)
      .toEqual([{ outcome: 'accepted', attempts: 4 }])
  })

  test('a receiver that is dead delays no mail, is named in readyz and makes nothing unready', async () => {
    receiver.answerWith([], 'silent')
    const worker = await startWorker()
    for (let index = 0; index < 6; index += 1) await activate(`dead-${index}@example.com`)
    await receiver.close()
    await activate('mail@example.com')
    const checks = async () => {
      const answer = await fetch(`${worker.opsUrl}/readyz`)
      return [answer.status, v.parse(readyz, await answer.json()).checks.events]
    }
    await expect.poll(checks, PATIENT).toEqual([200, expect.stringContaining('degraded: the receiver fails')])
    const metrics = await (await fetch(`${worker.opsUrl}/metrics`)).text()
    expect(metrics).toMatch(/latchkey_events_unsettled(?:\{.*\})? 7/)
    receiver = await startEventReceiver()
  })

  test('an event that is given up stands under failed with an id alone, and an operator’s retry tells it', async () => {
    receiver.answerWith([], 500)
    const worker = await startWorker({ WEBHOOK_GIVE_UP_AFTER: '2s' })
    const user = await activate('given-up@example.com')
    await expect.poll(() => jobOf(worker, 'failed'), PATIENT).toHaveLength(1)
    const { rows } = await stage.pool.query<{ id: string }>('select id, outcome, data from events')
    expect(rows).toEqual([{ id: expect.any(String), outcome: 'given-up', data: { user: { id: user.id } } }])
    receiver.answerWith([])
    const retried = await fetch(`${worker.opsUrl}/dashboard/api/queues/webhook/${rows[0]?.id}/retry`, {
      method: 'PUT',
      headers: { authorization: `Basic ${btoa('ops:ops')}` },
    })
    expect(retried.ok).toBe(true)
    await expect.poll(() => receiver.taken().map(({ data }) => data), PATIENT).toEqual([{ user: { id: user.id } }])
  })

  test('what still waits about somebody who is deleted carries the id alone', async () => {
    const startMails = await startWorker()
    const user = await activate('gone@example.com')
    await expect.poll(() => receiver.taken().length, PATIENT).toBe(1)
    await startMails.kill()
    expect((await account('PUT', user.email, '/password', { password: 'another horse battery' })).status).toBe(204)
    const answer = await ask('/v1/account', {
      method: 'DELETE',
      headers: { authorization: basic(user.email, 'another horse battery') },
    })
    expect(answer.status).toBe(204)
    await startWorker()
    await expect.poll(() => receiver.taken().length, PATIENT).toBe(3)
    for (const { data } of receiver.taken().slice(1)) expect(data).toEqual({ user: { id: user.id } })
  })

  test('a mail that the provider refuses for good, and one that bounces, are told as undeliverable', async () => {
    stage.provider.answerWith([422])
    await startWorker()
    const user = await register('refused@example.com')
    await expect.poll(typesTaken, PATIENT).toEqual(['mail.undeliverable'])
    expect(receiver.taken()[0]?.data).toMatchObject({
      user: { id: user.id, activatedAt: null },
      mail: { reason: 'refused' },
    })
  })

  test('killed workers tell each activation under one id, and every one', async () => {
    receiver.answerWith([500, 200, 500, 500, 200, 500])
    const first = await startWorker()
    for (let index = 0; index < 4; index += 1) await activate(`killed-${index}@example.com`)
    await first.kill()
    if (stage.redis) await stage.redis.flush()
    await startWorker()
    await expect
      .poll(async () => (await stage.pool.query("select 1 from events where outcome = 'accepted'")).rowCount, PATIENT)
      .toBe(4)
    expect(receiver.taken()).toHaveLength(4)
  })
})

test('without WEBHOOK_URL nothing is written', async () => {
  const stage = await setStage('postgresql')
  const api = await startProcess('api', { DATABASE_URL: stage.database.url })
  await stage.startWorker()
  const answer = await fetch(`${api.url}/v1/users`, post({ email: 'quiet@example.com', password: PASSWORD }))
  const { id } = await readUser(answer)
  await expect.poll(() => stage.provider.inbox('quiet@example.com').length, PATIENT).toBe(1)
  const code = codeIn(stage.provider.inbox('quiet@example.com')[0])
  await fetch(`${api.url}/v1/users/${id}/activation`, post({ code }, { authorization: basic('quiet@example.com') }))
  expect((await stage.pool.query('select 1 from users where activated_at is not null')).rowCount).toBe(1)
  expect((await stage.pool.query('select 1 from events')).rowCount).toBe(0)
  await api.kill()
  await stage.close()
})
