import { randomBytes } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { startChild } from '../../dev/child.ts'
import { quickEnvironment } from '../soak/environment.ts'
import { startFleet } from '../soak/fleet.ts'
import { countUnsettled } from '../soak/ledger.ts'
import { type Provider, startProvider } from '../soak/provider.ts'
import type { Mood } from '../soak/provider-answers.ts'
import { startSteadyPostgres } from '../soak/steady-postgres.ts'
import { startSteadyRedis } from '../soak/steady-redis.ts'
import { describeCase } from './describe-case.ts'

export const cases = ['down', 'slow', 'silent', 'revoked', 'flapping', 'flapping-silent'] as const

export type Plan = {
  backend: 'postgresql' | 'redis'
  trouble: (typeof cases)[number]
  outageMs: number
  perSecond: number
}

const MOODS: Record<Exclude<Plan['trouble'], keyof typeof FLAPPING>, Mood> = {
  down: 'refusing',
  slow: 'slow',
  silent: 'hanging',
  revoked: '401',
}
// While it is silent it may have taken what it was given: such mails stay with it until half of their code's time is over, by rule.
const FLAPPING = {
  flapping: ['503', 'well', 'refusing', 'well'],
  'flapping-silent': ['503', 'well', 'hanging', 'well', 'refusing', 'well', 'slow', 'well'],
} as const satisfies Record<string, readonly Mood[]>
const FLAP_MS = 3000
const DRAIN_LIMIT_MS = 120_000

/** One outage of the first provider, with an api, two workers and a second provider that is well. */
export const measureCase = async (plan: Plan): Promise<{ text: string; wrong: string[] }> => {
  const { first, second, pool, fleet, close } = await setStage(plan)
  await register(fleet.apis[0].url, { ...plan, outageMs: 2000 }, 'before')
  const since = Date.now()
  const ending = new AbortController()
  const troubled = trouble(first, plan.trouble, ending.signal)
  const people = await register(fleet.apis[0].url, plan, 'during')
  ending.abort()
  await troubled
  await first.setMood('well')
  const drainingAt = Date.now()
  while (Date.now() - drainingAt < DRAIN_LIMIT_MS && (await countUnsettled(pool)) > 0) await sleep(250)
  const codes = await pool.query<{ id: string }>('select id from codes where superseded_at is null')
  const living = new Set(codes.rows.map(({ id }) => id))
  await close()
  const isLimited = plan.trouble !== 'flapping-silent'
  const found = describeCase({ people, first: first.requests, second: second.requests, living, since, isLimited })
  return { text: found.text, wrong: [...found.wrong, ...fleet.surprises] }
}

const trouble = async (first: Provider, kind: Plan['trouble'], signal: AbortSignal): Promise<void> => {
  if (kind !== 'flapping' && kind !== 'flapping-silent') return first.setMood(MOODS[kind])
  const moods = FLAPPING[kind]
  for (let turn = 0; !signal.aborted; turn += 1) {
    await first.setMood(moods[turn % moods.length] ?? 'well')
    await sleep(FLAP_MS, undefined, { signal }).catch(() => {})
  }
}

/** Gives when each person's 202 came, by address. */
const register = async (url: string, { outageMs, perSecond }: Plan, name: string): Promise<Map<string, number>> => {
  const answeredAt = new Map<string, number>()
  const answers: Promise<void>[] = []
  const end = performance.now() + outageMs
  for (let index = 0; performance.now() < end; index += 1) {
    answers.push(registerOne(url, `${name}${index}@example.com`, answeredAt))
    await sleep(1000 / perSecond)
  }
  await Promise.all(answers)
  return answeredAt
}

const registerOne = async (url: string, email: string, answeredAt: Map<string, number>): Promise<void> => {
  const answer = await fetch(`${url}/v1/users`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email, password: 'correct horse battery' }),
  })
  if (answer.status !== 202) throw new Error(`a registration was answered with ${answer.status}`)
  answeredAt.set(email, Date.now())
}

const setStage = async ({ backend }: Plan) => {
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-two-providers-'))
  const postgres = await startSteadyPostgres(join(folder, 'postgres'))
  const redis = backend === 'redis' ? await startSteadyRedis() : null
  const [first, second] = [await startProvider(), await startProvider()]
  const secretKey = randomBytes(32).toString('hex')
  const databaseUrl = postgres.urlOf('postgres')
  const environment = {
    ...quickEnvironment({ databaseUrl, redisUrl: redis?.url, mailUrl: first.url, secretKey }),
    LOG_LEVEL: 'warn',
    MAIL_TIMEOUT_MS: '10000',
    MAIL_FALLBACK_PROVIDER: 'resend',
    MAIL_FALLBACK_URL: second.url,
    MAIL_FALLBACK_API_KEY: 'bench',
  }
  await startChild('db/migrate.ts', environment, process.stderr).ended
  const log = createWriteStream(join(folder, 'processes.log'))
  const fleet = await startFleet(environment, log, { apis: 1, workers: 2 })
  // Its idle connections end with the server.
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 2 }).on('error', () => {})
  const close = async (): Promise<void> => {
    await fleet.stop()
    await pool.end()
    await Promise.all([first.close(), second.close()])
    await redis?.stop()
    await postgres.stop('SIGINT')
    await rm(folder, { recursive: true, force: true })
  }
  return { first, second, pool, fleet, close }
}
