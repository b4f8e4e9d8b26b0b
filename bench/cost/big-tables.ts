import pg from 'pg'
import { type Contestant, startContestant } from './contestants.ts'
import { measureIdleLatency } from './idle-latency.ts'
import { median, type Tools } from './plan.ts'
import { startSlowProvider } from './provider.ts'

const SMALL = 10_000
const GUESSES_SHARE = 10
const WRONG_CODES_OF_THE_HOUR = 60
const PEOPLE = 60
const BATCH = 250_000

type Costs = Record<'register' | 'status' | 'mail', number>

/** What a registration, a status and a mail take with so many accounts ÷ with ten thousand, also in an hour of many wrong codes. */
export const measureBigTables = async ({ backends, redis, plan, say }: Tools): Promise<void> => {
  for (const backend of backends) {
    const provider = await startSlowProvider(0)
    const start = () => startContestant({ program: 'ours', backend, bcryptCost: 4, mailUrl: provider.url, redis })
    const [small, large] = [await start(), await start()]
    await fill(small, SMALL)
    await fill(large, plan.users)
    const costs: { small: Costs[]; large: Costs[] } = { small: [], large: [] }
    for (let round = 0; round <= plan.rounds; round += 1) {
      const pair = { small: await measure(small, provider, round), large: await measure(large, provider, round) }
      if (round > 0) for (const size of ['small', 'large'] as const) costs[size].push(pair[size])
    }
    const of = (size: 'small' | 'large', what: keyof Costs) => median(costs[size].map((one) => one[what]))
    for (const what of ['register', 'status', 'mail'] as const)
      say(
        `${what} with ${plan.users} accounts, ${backend}: ${of('large', what).toFixed(2)} ms, with ${SMALL}: ${of('small', what).toFixed(2)} (${(of('large', what) / of('small', what)).toFixed(2)})`,
      )
    await Promise.all([small.stop(), large.stop()])
    provider.close()
  }
}

const fill = async (contestant: Contestant, users: number): Promise<void> => {
  const client = new pg.Client({ connectionString: contestant.databaseUrl })
  await client.connect()
  for (let from = 0; from < users; from += BATCH)
    await client.query(
      `insert into users (id, email, password_hash, ref, created_at, activated_at)
       select gen_random_uuid(), 'account' || number || '@example.com', '$2b$04$' || repeat('x', 53), 'B2BB',
         now() - make_interval(mins => 90 + number % 500000), now() - make_interval(mins => 89 + number % 500000)
       from generate_series($1::integer + 1, $2::integer) as number`,
      [from, Math.min(users, from + BATCH)],
    )
  await client.query(
    `insert into guesses (mailbox_key, at)
     select sha256(number::text::bytea), now() - make_interval(mins => 61 + number % 500000)
     from generate_series(1, $1::integer) as number`,
    [Math.ceil(users / GUESSES_SHARE)],
  )
  await client.query(
    `insert into guesses (mailbox_key, at)
     select sha256(('hour' || number)::bytea), now() - make_interval(mins => number % 30)
     from generate_series(1, $1::integer) as number`,
    [WRONG_CODES_OF_THE_HOUR],
  )
  await client.query('vacuum analyze')
  await client.end()
}

const measure = async (
  contestant: Contestant,
  provider: Awaited<ReturnType<typeof startSlowProvider>>,
  round: number,
): Promise<Costs> => {
  const register: number[] = []
  const status: number[] = []
  for (let index = 0; index < PEOPLE; index += 1) {
    const email = `person-${round}-${index}@example.com`
    const password = 'correct horse battery'
    const asked = performance.now()
    const answer = await fetch(`${contestant.apiUrl}/v1/users`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ email, password }),
    })
    register.push(performance.now() - asked)
    await answer.arrayBuffer()
    const headers = { authorization: `Basic ${Buffer.from(`${email}:${password}`).toString('base64')}` }
    const looked = performance.now()
    await (await fetch(`${contestant.apiUrl}${answer.headers.get('location')}`, { headers })).arrayBuffer()
    status.push(performance.now() - looked)
  }
  return {
    register: median(register),
    status: median(status),
    mail: await measureIdleLatency(contestant, provider, `big-${round}`),
  }
}
