import { describe, expect, onTestFinished, test } from 'vitest'
import { startMailSandbox } from '../../../dev/mail-sandbox/mail-sandbox.ts'
import { basic } from '../../support/api.ts'
import { hasPromtool } from '../promtool.ts'
import { BACKEND, NOBODY, shareStage } from './stage.ts'

describe.runIf(hasPromtool)('alerts', () => {
  const { activate, apiUrl, codeOf, loseWorker, provider, record, redis, register, registerMany, sql, startOwnWorker } =
    shareStage()

  const callsTo = (people: { email: string }[]) =>
    provider().requests.filter((mail) => people.some(({ email }) => email === mail.to)).length

  /** As if all that waits had been asked for ten minutes ago. */
  const letMailsAge = () =>
    sql("update mails set created_at = created_at - interval '10 minutes' where settled_at is null")

  test('a healthy run fires none, with a retry, a wrong code and a wrong password in it', async () => {
    const recording = record()
    await recording.look()
    provider().answerWith([503])
    const crowd = await registerMany(4)
    for (const person of crowd) {
      const code = await codeOf(person.email)
      if (person === crowd[0]) expect(await activate(person, code === '0000' ? '1111' : '0000')).toBe(400)
      expect(await activate(person, code)).toBe(200)
      await recording.look()
    }
    const stranger = { headers: { authorization: basic('nobody@example.com') } }
    expect((await fetch(`${apiUrl()}/v1/users/${crowd[0]?.id}`, stranger)).status).toBe(401)
    await recording.look()
    expect(await recording.findOtherThan([])).toBeNull()
  })

  test.each([
    { trouble: 503, fires: ['LatchkeyProviderDown'] },
    { trouble: 'reset', fires: ['LatchkeyProviderDown'] },
    { trouble: 401, fires: ['LatchkeyProviderRefusesUs'] },
    { trouble: 429, fires: ['LatchkeyProviderThrottles'] },
    { trouble: 422, fires: ['LatchkeyMailsRefused'] },
  ] as const)('a provider that answers $trouble fires $fires', async ({ trouble, fires }) => {
    const recording = record()
    provider().answerWith([], trouble)
    await recording.look()
    const crowd = await registerMany(6)
    await expect.poll(() => callsTo(crowd)).toBeGreaterThanOrEqual(6)
    const isCounted = async () => {
      await recording.look()
      return recording.findOtherThan([...fires])
    }
    await expect.poll(isCounted).toBeNull()
  })

  test('two providers in trouble fire LatchkeyProviderDown each by its name, and one alone by its own', async () => {
    const sandbox = await startMailSandbox({ port: 0, host: '127.0.0.1', apiKey: 'second' })
    onTestFinished(sandbox.close)
    const second = { MAIL_FALLBACK_PROVIDER: 'brevo', MAIL_FALLBACK_API_KEY: 'second' }
    await loseWorker()
    provider().answerWith([], 503)
    const down = (name: string) => ({ alertname: 'LatchkeyProviderDown', provider: name })
    for (const { url, fires } of [
      { url: sandbox.url, fires: [down('resend')] },
      { url: NOBODY, fires: [down('brevo'), down('resend')] },
    ]) {
      const own = await startOwnWorker({ ...second, MAIL_FALLBACK_URL: url })
      const recording = record(() => ({ worker: own.opsUrl }))
      await recording.look()
      await registerMany(6)
      const isCounted = async () => {
        await recording.look()
        return recording.findOtherThan(fires)
      }
      await expect.poll(isCounted).toBeNull()
      await own.kill()
    }
  })

  test('mails that wait for long fire LatchkeyMailsLate, and those given up LatchkeyMailsGivenUp', async () => {
    const recording = record()
    provider().answerWith([], 503)
    await recording.look()
    const crowd = await registerMany(2)
    await expect.poll(() => callsTo(crowd)).toBeGreaterThanOrEqual(2)
    await letMailsAge()
    await recording.look()
    expect(await recording.findOtherThan(['LatchkeyMailsLate', 'LatchkeyProviderDown'])).toBeNull()
    await sql("update mails set failing_since = failing_since - interval '2 hours'")
    await sql("update outboxes set possible_since = possible_since - interval '2 hours'")
    const isSettled = async () => (await sql('select 1 from mails where settled_at is null')).rowCount
    await expect.poll(isSettled).toBe(0)
    await recording.look()
    expect(await recording.findOtherThan(['LatchkeyMailsGivenUp', 'LatchkeyProviderDown'])).toBeNull()
  })

  test('events that wait for long fire LatchkeyEventsLate, and those given up LatchkeyEventsGivenUp', async () => {
    const own = await startOwnWorker({ WEBHOOK_URL: NOBODY, WEBHOOK_SECRET: `whsec_${btoa('a'.repeat(24))}` })
    onTestFinished(async () => void (await sql('truncate events')))
    const recording = record(() => ({ worker: own.opsUrl }))
    await recording.look()
    await sql(`insert into events (type, user_id, data) values ('user.deleted', gen_random_uuid(), '{}')`)
    const isTried = async () => (await sql('select 1 from events where failing_since is not null')).rowCount
    await expect.poll(isTried).toBe(1)
    await sql("update events set created_at = now() - interval '31 minutes'")
    await recording.look()
    expect(await recording.findOtherThan(['LatchkeyEventsLate'])).toBeNull()
    await sql("update events set failing_since = now() - interval '4 days'")
    await sql("update outboxes set possible_since = now() - interval '4 days' where kind = 'events'")
    const isSettled = async () => (await sql('select 1 from events where settled_at is null')).rowCount
    await expect.poll(isSettled).toBe(0)
    await recording.look()
    expect(await recording.findOtherThan(['LatchkeyEventsGivenUp'])).toBeNull()
  })

  test('no worker fires LatchkeyWorkerDown, and the api sees the mails that nobody takes up', async () => {
    await loseWorker()
    const recording = record()
    await recording.look()
    await register()
    await sql("update mails set created_at = created_at - interval '1 minute'")
    await recording.look()
    expect(await recording.findOtherThan(['LatchkeyRelayLags', 'LatchkeyWorkerDown'])).toBeNull()
  })

  test.runIf(BACKEND === 'redis')('a lost Redis fires LatchkeyQueueLost', async () => {
    const recording = record()
    await recording.look()
    await redis()?.stop()
    onTestFinished(() => redis()?.start())
    await register()
    await recording.look()
    expect(await recording.findOtherThan(['LatchkeyQueueLost'])).toBeNull()
  })

  test.each([
    { people: 8, fires: ['LatchkeyWrongCodes'] },
    { people: 17, fires: ['LatchkeyCodesGuessed', 'LatchkeyWrongCodes'] },
  ])('three wrong codes of each of $people people fire $fires', async ({ people, fires }) => {
    const recording = record()
    await recording.look()
    for (const person of await registerMany(people)) {
      const code = await codeOf(person.email)
      for (let step = 1; step <= 3; step++) {
        expect(await activate(person, String((Number(code) + step) % 10_000).padStart(4, '0'))).toBe(400)
      }
    }
    await recording.look()
    expect(await recording.findOtherThan(fires)).toBeNull()
  })
})
