import type { Hono } from 'hono'
import type { ApiEnv } from '../../../src/api/context.ts'
import type { Mailer, OutgoingMail } from '../../../src/core/mail/mailer.ts'
import { retryFailedMail } from '../../../src/core/postgres/outbox/operator-retry.ts'
import { takeDueRows } from '../../../src/core/postgres/outbox/outbox-rows.ts'
import { codeOf, from } from '../../api/api-client.ts'
import { currentMail, deliver } from '../../core/fixtures.ts'
import { readProblem, readUser } from '../../support/answers.ts'
import { basic, createTestApi } from '../../support/api.ts'
import type { TestDatabase } from '../../support/database.ts'
import { deliverTools, POLICY, testProvider } from '../../support/delivery.ts'
import { codeIn } from '../../support/mail-provider.ts'
import { openEvents } from '../../support/provider-events.ts'
import { moveBack } from './clock.ts'
import { createScript, type Script } from './http-script.ts'
import type { Typed } from './model.ts'
import type { Mood, Sent } from './model-provider.ts'
import { RULES } from './model-state.ts'
import { failureOf } from './moods.ts'

const REPORTS = openEvents('resend')

const SETTINGS = {
  MAIL_PROVIDER: 'resend',
  MAIL_EVENTS_SECRET: REPORTS.secret,
  LIMIT_MAILS_PER_MAILBOX: '8/1h,16/24h',
  LIMIT_FAILED_LOGINS_PER_USER: '4/1h',
  LIMIT_WRONG_CODES_PER_NET: '6/1h',
  LIMIT_GUESSES_PER_MAILBOX: `${RULES.guessesADay}/24h`,
}

const DELIVERY_POLICY = { ...POLICY, guessBudgets: [{ max: RULES.guessesADay, seconds: 86_400 }] }

export type Person = { id: string; email: string }
/** A request by its path and method; `by` are the credentials, `code` is shown in the script by where it comes from. */
type Call = {
  method: string
  path: string
  by?: { email: string; password: string }
  body?: object
  headers?: Record<string, string>
}

/** The real service: api and delivery on PostgreSQL, before a provider with moods. */
export type World = Awaited<ReturnType<typeof createWorld>>

export const openApi = (database: TestDatabase) => createTestApi(database, SETTINGS)

/** Begins anew on empty tables. */
export const createWorld = async (database: TestDatabase, app: Hono<ApiEnv>) => {
  const { pool } = database
  await pool.query('truncate users, guesses, rate_limits, provider_reports cascade')
  const script: Script = createScript()
  const jobs = new Set<string>()
  const codes = new Map<string, string[]>()
  const providerIds = new Map<string, string>()
  const bytes = new Map<string, string>()
  const refusedKeys = new Set<string>()

  const send = ({ method, path, by, body, headers = {} }: Call) => {
    const authorization = by && { authorization: basic(by.email, by.password) }
    const type = body && { 'content-type': 'application/json' }
    return app.request(
      path,
      { method, headers: { ...headers, ...type, ...authorization }, ...(body && { body: JSON.stringify(body) }) },
      from('192.0.2.1'),
    )
  }

  const request = async (call: Call): Promise<Response> => {
    const answer = await send(call)
    script.call(call, answer.status)
    return answer
  }

  /** What a caller is told: the status, or the problem. */
  const told = async (answer: Response): Promise<string> => {
    if (answer.ok) return String(answer.status)
    const problem = await readProblem(answer)
    const slug = problem.type.replace('/problems/', '')
    return problem.attemptsLeft === undefined ? slug : `${slug}, ${problem.attemptsLeft} left`
  }

  const pass = async (seconds: number): Promise<void> => {
    if (seconds > 1) script.sleep(seconds)
    await moveBack(database, seconds)
  }

  const relay = async () => {
    const rows = await takeDueRows(pool, 'mails', { fresh: 10, again: 10 })
    for (const { id } of rows) jobs.add(id)
  }

  const mailerOf = (mood: Mood, sent: Sent[], take: (mail: OutgoingMail, key: string) => string): Mailer => ({
    provider: 'resend',
    send: async (mail, { idempotencyKey }) => {
      const code = codeIn(mail)
      sent.push({ to: mail.to, brings: code === '' ? 'notice' : code.length })
      const same = JSON.stringify(mail)
      if ((bytes.get(idempotencyKey) ?? same) !== same) throw new Error('other bytes left under one key')
      bytes.set(idempotencyKey, same)
      if (refusedKeys.has(idempotencyKey)) throw new Error('a key was used again that a provider answers as before')
      if (mood === 'refuses') refusedKeys.add(idempotencyKey)
      if (mood === 'slow') await moveBack(database, RULES.slow)
      const failure = failureOf(mood)
      if (failure && mood !== 'silent') throw failure
      const providerId = take(mail, code)
      if (failure) throw failure
      return { providerId }
    },
    close: async () => {},
  })

  const attempt = async (mailId: string, mood: Mood, sent: Sent[]) => {
    const owners = await pool.query<{ id: string }>('select user_id as id from mails where id = $1', [mailId])
    const mailer = mailerOf(mood, sent, ({ to }, code) => {
      for (const { id } of code === '' ? [] : owners.rows) codes.set(id, [...(codes.get(id) ?? []), code])
      if (code !== '') script.taken(to, code)
      providerIds.set(mailId, `of ${mailId}`)
      return `of ${mailId}`
    })
    const provider = testProvider(mailer)
    // What the mails of others have just met.
    provider.health.note('of somebody else', failureOf(mood) ?? { providerId: null }, 0)
    const { end } = await deliver(
      { ...deliverTools(database, mailer), policy: DELIVERY_POLICY, providers: [provider] },
      mailId,
    )
    return end
  }

  return {
    script,
    pass,
    register: async (body: object, key: string | null) => {
      const headers = key === null ? {} : { 'idempotency-key': key }
      const answer = await request({ method: 'POST', path: '/v1/users', body, headers })
      const user = answer.ok ? await readUser(answer.clone()) : null
      if (user) script.learn(user.id)
      await relay()
      return { answer: await told(answer), user }
    },
    read: async ({ id, email }: Person, password: string) =>
      told(await request({ method: 'GET', path: `/v1/users/${id}`, by: { email, password } })),
    /** The same, out of the script. */
    look: async ({ id, email }: Person, password: string) => {
      const answer = await send({ method: 'GET', path: `/v1/users/${id}`, by: { email, password } })
      return { answer: await told(answer.clone()), user: answer.ok ? await readUser(answer) : null }
    },
    activate: async ({ id, email }: Person, password: string, typed: Typed) => {
      const read = codes.get(id) ?? []
      const current = await codeOf(database, { id, email }).catch(() => '0000')
      const code = { right: current, older: read.findLast((one) => one !== current), unreadable: '12a4' }
      const body = { code: typed === 'wrong' ? wrongFor([...read, current]) : code[typed] }
      return told(await request({ method: 'POST', path: `/v1/users/${id}/activation`, by: { email, password }, body }))
    },
    resend: async ({ id, email }: Person, password: string) => {
      const answer = await told(
        await request({ method: 'POST', path: `/v1/users/${id}/codes`, by: { email, password } }),
      )
      await relay()
      return answer
    },
    checkSignIn: async (email: string, password: string) =>
      told(await request({ method: 'GET', path: '/v1/account', by: { email, password } })),
    changePassword: async (email: string, password: string, next: string) =>
      told(
        await request({
          method: 'PUT',
          path: '/v1/account/password',
          by: { email, password },
          body: { password: next },
        }),
      ),
    deleteAccount: async (email: string, password: string) =>
      told(await request({ method: 'DELETE', path: '/v1/account', by: { email, password } })),
    /** Each job that waits is tried once. */
    deliver: async (mood: Mood): Promise<Sent[]> => {
      script.mood(mood)
      const sent: Sent[] = []
      for (const mailId of [...jobs]) if ((await attempt(mailId, mood, sent)) !== 'later') jobs.delete(mailId)
      return sent
    },
    retry: async ({ id }: Person): Promise<boolean> => {
      const mail = await currentMail(database, id)
      const isRetried = await retryFailedMail(pool, mail.id)
      if (isRetried) jobs.add(mail.id)
      if (isRetried) script.note(`An operator retries the mail of ${script.nameOf(id)} on the dashboard`)
      return isRetried
    },
    report: async ({ id }: Person, kind: 'delivered' | 'bounced') => {
      const mail = await currentMail(database, id)
      const event = REPORTS.about(kind === 'bounced' ? 'hard-bounce' : kind, providerIds.get(mail.id) ?? '')
      const { headers, body } = REPORTS.sign(event)
      script.note(`The provider reports of the mail of ${script.nameOf(id)}: ${kind}`)
      return told(await app.request('/v1/provider-events/resend', { method: 'POST', headers, body }))
    },
  }
}

/** Four or eight digits, as the last of them has, that none of them is. */
const wrongFor = (known: string[]): string => {
  const length = known.at(-1)?.length ?? 4
  for (let number = 0; ; number += 1) {
    const digits = String(number).padStart(length, '0')
    if (!known.includes(digits)) return digits
  }
}
