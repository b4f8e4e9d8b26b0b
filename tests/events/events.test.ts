import { Webhook } from 'standardwebhooks'
import { Webhook as SvixWebhook } from 'svix'
import * as v from 'valibot'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { backends } from '../support/backends.ts'
import type { TestProgram } from '../support/processes.ts'
import { type EventStage, SECRETS, setEventStage } from './event-stage.ts'

const readyz = v.object({ checks: v.record(v.string(), v.string()) })

describe.each(backends)('events, with jobs on %s', { timeout: 60_000 }, (backend) => {
  let stage: EventStage
  let worker: TestProgram

  beforeAll(async () => {
    stage = await setEventStage(backend)
    worker = await stage.startWorker()
  })
  beforeEach(async () => {
    const unsettled = async () => (await stage.pool.query('select 1 from events where settled_at is null')).rowCount
    await expect.poll(unsettled).toBe(0)
    await stage.pool.query('delete from events')
    stage.receiver.requests.length = 0
  })
  afterAll(() => stage.close())

  test('an activation, a change of password and a deletion are told once each, signed with every key, and say no secret', async () => {
    await stage.startApi()
    const user = await stage.activate('ada@example.com')
    expect((await stage.changePassword(user.email, 'another horse battery')).status).toBe(204)
    await expect.poll(() => stage.typesTaken().toSorted()).toEqual(['user.activated', 'user.password-changed'])
    const activated = stage.receiver.taken().find(({ type }) => type === 'user.activated')
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
    for (const { headers, body } of stage.receiver.requests) {
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
    expect(await stage.jobsOf(worker, 'completed')).toContainEqual({
      id: activated?.id,
      name: 'send-webhook',
      data: { eventId: activated?.id },
    })
    const kept = await stage.pool.query('select distinct data::text as data from events where settled_at is not null')
    expect(kept.rows).toEqual([{ data: '{}' }])
    const deleted = await stage.deleteAccount(user.email, 'another horse battery')
    expect(deleted.status).toBe(204)
    await expect.poll(stage.typesTaken).toContain('user.deleted')
    expect(stage.receiver.taken().at(-1)?.data).toEqual({ user: { id: user.id } })
    expect(stage.receiver.requests).toHaveLength(3)
  })

  test('a mail that the provider refuses for good, and one that bounces, are told as undeliverable', async () => {
    stage.provider.answerWith([422])
    const user = await stage.register('refused@example.com')
    await expect.poll(stage.typesTaken).toEqual(['mail.undeliverable'])
    expect(stage.receiver.taken()[0]?.data).toMatchObject({
      user: { id: user.id, activatedAt: null },
      mail: { reason: 'refused' },
    })
  })

  test('whatever is no 2xx in time is tried again under the same id with the same bytes, and no redirect is followed', async () => {
    stage.receiver.answerWith([500, 'redirect', 400], 'long')
    await stage.activate('again@example.com')
    await expect.poll(() => stage.receiver.requests.length).toBe(4)
    expect(new Set(stage.receiver.requests.map(({ id }) => id)).size).toBe(1)
    expect(new Set(stage.receiver.requests.map(({ body }) => body)).size).toBe(1)
    expect(stage.receiver.requests.every(({ headers }) => headers['webhook-signature'])).toBe(true)
    await expect
      .poll(async () => (await stage.pool.query('select outcome, attempts from events')).rows)
      .toEqual([{ outcome: 'accepted', attempts: 4 }])
  })

  // Last, as the receiver stays away.
  test('a receiver that is dead delays no mail, is named in readyz and makes nothing unready', async () => {
    stage.receiver.answerWith([], 'silent')
    for (let index = 0; index < 6; index += 1) await stage.activate(`dead-${index}@example.com`)
    await stage.receiver.close()
    await stage.activate('mail@example.com')
    const checks = async () => {
      const answer = await fetch(`${worker.opsUrl}/readyz`)
      return [answer.status, v.parse(readyz, await answer.json()).checks.events]
    }
    await expect.poll(checks).toEqual([200, expect.stringContaining('degraded: the receiver fails')])
    const metrics = await (await fetch(`${worker.opsUrl}/metrics`)).text()
    expect(metrics).toMatch(/latchkey_events_unsettled(?:\{.*\})? 7/)
  })
})
