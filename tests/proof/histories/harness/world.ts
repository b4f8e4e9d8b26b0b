import type { Hono } from 'hono'
import type { ApiEnv } from '../../../../src/api/context.ts'
import { currentMail } from '../../../core/fixtures.ts'
import { createTestApi } from '../../../support/api.ts'
import type { TestDatabase } from '../../../support/database.ts'
import { openEvents } from '../../../support/provider-events.ts'
import { type Report, RULES } from '../model.ts'
import { createCalls, told } from './calls.ts'
import { moveBack } from './clock.ts'
import { createScript, type Script } from './http-script.ts'
import { createJobs } from './jobs.ts'
import { createPeople, type Person } from './people.ts'
import { createProvider, type Provider } from './provider.ts'

const REPORTS = openEvents('resend')

const SETTINGS = {
  MAIL_PROVIDER: 'resend',
  MAIL_EVENTS_SECRET: REPORTS.secret,
  LIMIT_MAILS_PER_MAILBOX: '8/1h,16/24h',
  LIMIT_FAILED_LOGINS_PER_USER: '4/1h',
  LIMIT_WRONG_CODES_PER_NET: '6/1h',
  LIMIT_GUESSES_PER_MAILBOX: `${RULES.guesses}/24h`,
}

/** The real service: api and delivery on PostgreSQL, before a provider with moods. */
export type World = Awaited<ReturnType<typeof createWorld>>

export const openApi = (database: TestDatabase) => createTestApi(database, SETTINGS)

/** Begins anew on empty tables. */
export const createWorld = async (database: TestDatabase, app: Hono<ApiEnv>) => {
  await database.pool.query('truncate users, guesses, rate_limits, provider_reports cascade')
  const script: Script = createScript()
  const provider = createProvider(database, script)
  const jobs = createJobs(database, provider, script)

  return {
    script,
    pass: async (seconds: number): Promise<void> => {
      if (seconds > 1) script.sleep(seconds)
      await moveBack(database, seconds)
    },
    ...createPeople({ database, script, provider, jobs, ...createCalls(app, script) }),
    deliver: jobs.deliver,
    retry: async ({ id }: Person): Promise<boolean> => {
      const mail = await currentMail(database, id)
      const isRetried = await jobs.retry(mail.id)
      if (isRetried) script.note(`An operator retries the mail of ${script.nameOf(id)} on the dashboard`)
      return isRetried
    },
    report: async ({ id }: Person, kind: Report) => {
      const mail = await currentMail(database, id)
      script.note(`The provider reports of the mail of ${script.nameOf(id)}: ${kind}`)
      return told(await sendReport(app, provider, mail.id, kind))
    },
  }
}

const sendReport = (app: Hono<ApiEnv>, provider: Provider, mailId: string, kind: Report) => {
  const event = REPORTS.about(kind === 'bounced' ? 'hard-bounce' : kind, provider.idOf(mailId))
  const { headers, body } = REPORTS.sign(event)
  return app.request('/v1/provider-events/resend', { method: 'POST', headers, body })
}
