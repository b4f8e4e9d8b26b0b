import { hashBare } from './bare.ts'
import { type Backend, type Contestant, startContestant } from './contestants.ts'
import { median, type Tools } from './plan.ts'
import { startSlowProvider } from './provider.ts'
import { type Saturated, saturate } from './saturate.ts'

const PROVIDER_MS = 50
const COSTS = [10, 12]

// Ours without what is counted and told of each registration: what these promises cost is the difference.
const STRIPPED = {
  LOG_LEVEL: 'warn',
  LIMIT_REGISTRATIONS_PER_NET: 'off',
  LIMIT_MAILS_PER_MAILBOX: 'off',
}
const STAGES = [
  { label: 'floor', program: 'floor', settings: {} },
  { label: 'ours', program: 'ours', settings: {} },
  { label: 'ours, no limits, no log', program: 'ours', settings: STRIPPED },
] as const

/** Registrations a second with limits on ÷ bare bcrypt, and processor time by process; then the latency at half of that load. */
export const measureSaturation = async (tools: Tools): Promise<void> => {
  for (const cost of COSTS) for (const backend of tools.backends) await compare(tools, backend, cost)
}

type Results = Record<'full' | 'half', Saturated[]>

const compare = async ({ redis, plan, say }: Tools, backend: Backend, bcryptCost: number): Promise<void> => {
  const provider = await startSlowProvider(PROVIDER_MS)
  const contestants: Contestant[] = []
  for (const stage of STAGES)
    contestants.push(await startContestant({ ...stage, backend, bcryptCost, mailUrl: provider.url, redis }))
  const bare: number[] = []
  const results = new Map(contestants.map(({ name }): [string, Results] => [name, { full: [], half: [] }]))
  for (let round = 0; round <= plan.rounds; round += 1) {
    const isWarmUp = round === 0
    const seconds = isWarmUp ? 3 : plan.seconds
    const hashed = await hashBare(bcryptCost, seconds / 2)
    if (!isWarmUp) bare.push(hashed)
    for (const contestant of contestants) {
      const full = await saturate(contestant, provider, { seconds, round: `${round}-full` })
      const half = await saturate(contestant, provider, {
        seconds,
        round: `${round}-half`,
        perSecond: full.perSecond / 2,
      })
      if (isWarmUp) continue
      results.get(contestant.name)?.full.push(full)
      results.get(contestant.name)?.half.push(half)
    }
  }
  say(
    `bcrypt ${bcryptCost}: bare ${median(bare).toFixed(1)} hashes/s, ${(2000 / median(bare)).toFixed(1)} ms of processor time each`,
  )
  for (const [name, result] of results) say(describe(name, result, bare))
  const fullOf = (label: string) => results.get(`${label} on ${backend}`)?.full ?? []
  for (const { label } of STAGES.slice(1))
    say(describePair(`${label} ÷ floor on ${backend}`, fullOf(label), fullOf('floor')))
  for (const contestant of contestants) await contestant.stop()
  provider.close()
}

const describe = (name: string, { full, half }: Results, bare: number[]): string => {
  const of = (figure: (one: Saturated) => number, digits = 1) => median(full.map(figure)).toFixed(digits)
  const atHalf = (figure: (one: Saturated) => number) => median(half.map(figure)).toFixed(0)
  const toBare = median(full.map(({ perSecond }, index) => perSecond / (bare[index] ?? 0))).toFixed(3)
  return [
    `  ${name.padEnd(37)} ${of(({ perSecond }) => perSecond, 2)}/s, ÷ bare ${toBare}`,
    `machine ${of(({ machineMs }) => machineMs)} ms a registration (api ${of(({ cpu }) => cpu.api)}, worker ${of(({ cpu }) => cpu.worker)}, PostgreSQL ${of(({ cpu }) => cpu.postgresql)}, Redis ${of(({ cpu }) => cpu.redis)})`,
    `${of(({ commits }) => commits)} commits`,
    `p50/p99 full ${of(({ p50 }) => p50, 0)}/${of(({ p99 }) => p99, 0)} ms, at half load ${atHalf(({ p50 }) => p50)}/${atHalf(({ p99 }) => p99)} ms`,
  ].join('; ')
}

const describePair = (name: string, ours: Saturated[], floor: Saturated[]): string => {
  const pairs = ours.flatMap((one, index) => (floor[index] ? [{ one, base: floor[index] }] : []))
  const rate = median(pairs.map(({ one, base }) => one.perSecond / base.perSecond)).toFixed(3)
  const beyond = median(pairs.map(({ one, base }) => one.machineMs - base.machineMs)).toFixed(1)
  return `  ${name}: ${rate} registrations/s, ${beyond} ms of processor time beyond it`
}
