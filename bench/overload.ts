import { availableParallelism } from 'node:os'
import { startLoneApi } from './lone-api.ts'
import { readLoopDelay } from './overload/loop-delay.ts'
import { type Manner, type Offered, offer, type Sample } from './overload/offer.ts'
import { percentile } from './percentile.ts'

/**
 * `node bench/overload.ts [seconds=20]`: the peak of useful work, and what becomes of it at ten times as much and with 200 stubborn
 * connections. Means something on a quiet machine only.
 */
const BCRYPT_COST = 12
const STEPS = [0.5, 0.75, 1, 1.25, 1.5]
const FLOOD = 10
const SETTLING_MS = 3000

const SECONDS = Number(process.argv[2] ?? 20)
const say = (line: string) => process.stdout.write(`${line}\n`)

const registrations = (samples: Sample[]) => samples.filter(({ kind }) => kind === 'registration')
const timesOf = (samples: Sample[]) => samples.map(({ tookMs }) => tookMs)
const ms = (value: number) => `${value.toFixed(0)} ms`

/**
 * Registrations answered with 202 in each second, without the first ones, in which the queue fills; reckoned for all cores, as
 * clients elsewhere would leave the api those that the generator takes here.
 */
const usefulPerSecond = ({ samples, cpuSeconds }: Offered): number => {
  const end = SECONDS * 1000
  const done = registrations(samples).filter(
    ({ status, sentMs, tookMs }) => status === 202 && sentMs + tookMs > SETTLING_MS && sentMs + tookMs <= end,
  )
  const cores = availableParallelism()
  return (done.length / ((end - SETTLING_MS) / 1000)) * (cores / (cores - cpuSeconds / SECONDS))
}

const describe = (samples: Sample[]): string => {
  const admitted = registrations(samples).filter(({ status }) => status === 202)
  const refused = registrations(samples).filter(({ status }) => status !== 202)
  return `${admitted.length} admitted, p95 ${ms(percentile(timesOf(admitted), 0.95))}; ${refused.length} refused, p95 ${ms(percentile(timesOf(refused), 0.95))}`
}

const api = await startLoneApi(BCRYPT_COST)
const alone = timesOf(registrations((await offer({ url: api.url, ratePerSecond: 1, seconds: 5 })).samples))
const capacity = (availableParallelism() * 1000) / percentile(alone, 0.5)
say(
  `one registration alone takes ${ms(percentile(alone, 0.5))}: at most ${capacity.toFixed(1)}/s on ${availableParallelism()} cores`,
)

let peak = 0
for (const step of STEPS) {
  const offered = await offer({ url: api.url, ratePerSecond: capacity * step, seconds: SECONDS })
  const useful = usefulPerSecond(offered)
  peak = Math.max(peak, useful)
  say(`offered ${(capacity * step).toFixed(1)}/s: useful ${useful.toFixed(2)}/s; ${describe(offered.samples)}`)
}

type Outcome = { useful: number; admitted: number[]; livez: number[]; statuses: Set<number> }

/** Offers for a while what is far too much, and tells what came of it. */
const flood = async (name: string, ratePerSecond: number, manner: Manner): Promise<Outcome> => {
  await readLoopDelay(api.opsUrl)
  const offered = await offer({ url: api.url, ratePerSecond, seconds: SECONDS }, manner)
  const delay = await readLoopDelay(api.opsUrl)
  const useful = usefulPerSecond(offered)
  const livez = timesOf(offered.samples.filter(({ kind }) => kind === 'livez'))
  const answers = registrations(offered.samples)
  const admitted = timesOf(answers.filter(({ status }) => status === 202))
  say(`${name}: useful ${useful.toFixed(2)}/s, ${(useful / peak).toFixed(2)} of the peak; ${describe(offered.samples)}`)
  say(`  admitted p50 ${ms(percentile(admitted, 0.5))}, p99 ${ms(percentile(admitted, 0.99))}`)
  say(`  the generator took ${((offered.cpuSeconds / SECONDS) * 100).toFixed(0)} % of a core`)
  say(
    `  /livez p95 ${ms(percentile(livez, 0.95))}; event loop late by ${ms(delay.p99)} at p99, ${ms(delay.max)} at most`,
  )
  return { useful, admitted, livez, statuses: new Set(answers.map(({ status }) => status)) }
}

const floods = [
  await flood(`offered ${(FLOOD * peak).toFixed(1)}/s, ten times the peak`, FLOOD * peak, 'generator'),
  await flood('200 connections that ask again at once, whatever they are told', 0, 'stubborn'),
]
await api.stop()

const wrongs = floods.flatMap(({ useful, admitted, livez, statuses }) => [
  ...(percentile(admitted, 0.5) > 1000 ? ['admitted registrations took longer than 1 s at p50'] : []),
  ...(percentile(admitted, 0.99) > 1500 ? ['admitted registrations took longer than 1.5 s at p99'] : []),
  ...(percentile(livez, 0.95) > 100 ? ['/livez took longer than 100 ms at p95'] : []),
  ...(statuses.has(503) ? [] : ['nothing was refused, so this was no flood']),
  ...(useful < 0.85 * peak ? ['useful work fell by more than 15 %'] : []),
  ...([...statuses].some((status) => status !== 202 && status !== 503)
    ? ['some answers were neither 202 nor 503']
    : []),
])
for (const wrong of wrongs) say(`  WRONG: ${wrong}`)
process.exit(wrongs.length === 0 ? 0 : 1)
