import { afterEach, beforeEach, test } from 'vitest'
import { readUser } from '../support/answers.ts'
import { basic, PASSWORD, post } from '../support/api.ts'
import { describeBackends } from '../support/backends.ts'
import { codeIn } from '../support/mail-provider.ts'
import { startProgram } from '../support/processes.ts'
import { setStage } from '../worker/stage.ts'
import { type EventStage, setEventStage } from './event-stage.ts'

describeBackends('events that wait, with jobs on %s', (backend) => {
  let stage: EventStage
  beforeEach(async () => {
    stage = await setEventStage(backend)
  })
  afterEach(() => stage.close())

  test('an event that is given up stands under failed with an id alone, and an operator’s retry tells it', async ({
    expect,
  }) => {
    stage.receiver.answerWith([], 500)
    const worker = await stage.startWorker({ WEBHOOK_GIVE_UP_AFTER: '2s' })
    const user = await stage.activate('given-up@example.com')
    await expect.poll(() => stage.jobsOf(worker, 'failed')).toHaveLength(1)
    const { rows } = await stage.pool.query<{ id: string }>('select id, outcome, data from events')
    expect(rows).toEqual([{ id: expect.any(String), outcome: 'given-up', data: { user: { id: user.id } } }])
    stage.receiver.answerWith([])
    const retried = await fetch(`${worker.opsUrl}/dashboard/api/queues/webhook/${rows[0]?.id}/retry`, {
      method: 'PUT',
      headers: { authorization: `Basic ${btoa('ops:ops')}` },
    })
    expect(retried.ok).toBe(true)
    await expect.poll(() => stage.receiver.taken().map(({ data }) => data)).toEqual([{ user: { id: user.id } }])
  })

  test('what still waits about somebody who is deleted carries the id alone', async ({ expect }) => {
    const startMails = await stage.startWorker()
    const user = await stage.activate('gone@example.com')
    await expect.poll(() => stage.receiver.taken().length).toBe(1)
    await startMails.stop()
    expect((await stage.changePassword(user.email, 'another horse battery')).status).toBe(204)
    const answer = await stage.deleteAccount(user.email, 'another horse battery')
    expect(answer.status).toBe(204)
    await stage.startWorker()
    await expect.poll(() => stage.receiver.taken().length).toBe(3)
    for (const { data } of stage.receiver.taken().slice(1)) expect(data).toEqual({ user: { id: user.id } })
  })

  test('killed workers tell each activation under one id, and every one', async ({ expect }) => {
    stage.receiver.answerWith([500, 200, 500, 500, 200, 500])
    const first = await stage.startVictim()
    for (let index = 0; index < 4; index += 1) await stage.activate(`killed-${index}@example.com`)
    await first.kill()
    if (stage.redis) await stage.redis.flush()
    await stage.startWorker()
    await expect
      .poll(async () => (await stage.pool.query("select 1 from events where outcome = 'accepted'")).rowCount)
      .toBe(4)
    expect(stage.receiver.taken()).toHaveLength(4)
  })
})

test('without WEBHOOK_URL nothing is written', async ({ expect }) => {
  const stage = await setStage('postgresql')
  const api = await startProgram('api', { DATABASE_URL: stage.database.url })
  await stage.startWorker()
  const answer = await fetch(`${api.url}/v1/users`, post({ email: 'quiet@example.com', password: PASSWORD }))
  const { id } = await readUser(answer)
  await expect.poll(() => stage.provider.inbox('quiet@example.com').length).toBe(1)
  const code = codeIn(stage.provider.inbox('quiet@example.com')[0])
  await fetch(`${api.url}/v1/users/${id}/activation`, post({ code }, { authorization: basic('quiet@example.com') }))
  expect((await stage.pool.query('select 1 from users where activated_at is not null')).rowCount).toBe(1)
  expect((await stage.pool.query('select 1 from events')).rowCount).toBe(0)
  await api.stop()
  await stage.close()
})
