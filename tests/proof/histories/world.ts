import type { Hono } from 'hono'
import type { ApiEnv } from '../../../src/api/context.ts'
import { codeOf } from '../../api/api-client.ts'
import { currentMail } from '../../core/fixtures.ts'
import { readUser } from '../../support/answers.ts'
import { createTestApi } from '../../support/api.ts'
import type { TestDatabase } from '../../support/database.ts'
import { openEvents } from '../../support/provider-events.ts'
import { createCalls, told } from './calls.ts'
import { moveBack } from './clock.ts'
import { createScript, type Script } from './http-script.ts'
import { createJobs } from './jobs.ts'
import type { Typed } from './model.ts'
import { RULES } from './model-state.ts'

const REPORTS = openEvents('resend')

const SETTINGS = {
  MAIL_PROVIDER: 'resend',
  MAIL_EVENTS_SECRET: REPORTS.secret,
  LIMIT_MAILS_PER_MAILBOX: '8/1h,16/24h',
  LIMIT_FAILED_LOGINS_PER_USER: '4/1h',
  LIMIT_WRONG_CODES_PER_NET: '6/1h',
  LIMIT_GUESSES_PER_MAILBOX: `${RULES.guessesADay}/24h`,
}

export type Person = { id: string; email: string }

/** The real service: api and delivery on PostgreSQL, before a provider with moods. */
export type World = Awaited<ReturnType<typeof createWorld>>

export const openApi = (database: TestDatabase) => createTestApi(database, SETTINGS)

/** Begins anew on empty tables. */
export const createWorld = async (database: TestDatabase, app: Hono<ApiEnv>) => {
  await database.pool.query('truncate users, guesses, rate_limits, provider_reports cascade')
  const script: Script = createScript()
  const { send, request } = createCalls(app, script)
  const { deliver, providerIdOf, readBy, relay, retry } = createJobs(database, script)

  const pass = async (seconds: number): Promise<void> => {
    if (seconds > 1) script.sleep(seconds)
    await moveBack(database, seconds)
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
      const read = readBy(id)
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
    deliver,
    retry: async ({ id }: Person): Promise<boolean> => {
      const mail = await currentMail(database, id)
      const isRetried = await retry(mail.id)
      if (isRetried) script.note(`An operator retries the mail of ${script.nameOf(id)} on the dashboard`)
      return isRetried
    },
    report: async ({ id }: Person, kind: 'delivered' | 'bounced') => {
      const mail = await currentMail(database, id)
      const event = REPORTS.about(kind === 'bounced' ? 'hard-bounce' : kind, providerIdOf(mail.id))
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
