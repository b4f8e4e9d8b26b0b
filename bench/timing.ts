import { startLoneApi } from './lone-api.ts'
import { compare, type Question, type Timing } from './timing/compare.ts'
import { connect } from './timing/person.ts'
import { createQuestions } from './timing/questions.ts'

/**
 * `node bench/timing.ts [rounds=300]`: whether the time of an answer tells what the answer does not. At the real cost of hashing the
 * medians must be within 3 %; at the lowest, where hashing hides nothing, the differences stand in milliseconds.
 * Takes some twenty minutes, and means something on a quiet machine only.
 */
const COSTS = { real: 12, lowest: 4 }
const MAX_SPREAD = 0.03
const ROUNDS = Number(process.argv[2] ?? 300)
const WARM_UP_ROUNDS = 5

const say = (line: string) => process.stdout.write(`${line}\n`)

const spreadOf = (timings: Timing[]): { ms: number; share: number } => {
  const medians = timings.map(({ medianMs }) => medianMs)
  const ms = Math.max(...medians) - Math.min(...medians)
  return { ms, share: ms / Math.min(...medians) }
}

const describe = (question: Question, timings: Timing[]): string => {
  const { ms, share } = spreadOf(timings)
  const chance = Math.max(...timings.map(({ chanceMs }) => chanceMs))
  const medians = timings.map(({ name, medianMs }) => `${name} ${medianMs.toFixed(2)}`)
  return `  ${question.name}: medians differ by ${(share * 100).toFixed(2)} %, ${ms.toFixed(2)} ms (by chance alone ${chance.toFixed(2)} ms)\n    in ms: ${medians.join(', ')}`
}

/** Names the questions whose answers tell something by their time. */
const measure = async (cost: number, maxSpread: number): Promise<string[]> => {
  say(`BCRYPT_COST ${cost}, ${ROUNDS} rounds`)
  const api = await startLoneApi(cost)
  const client = connect(api)
  const telling: string[] = []
  for (const question of await createQuestions(api, client)) {
    await compare(question, WARM_UP_ROUNDS)
    const timings = await compare(question, ROUNDS)
    say(describe(question, timings))
    if (spreadOf(timings).share > maxSpread) telling.push(question.name)
  }
  await client.close()
  await api.stop()
  return telling
}

await measure(COSTS.lowest, Number.POSITIVE_INFINITY)
const telling = await measure(COSTS.real, MAX_SPREAD)
for (const name of telling) say(`  WRONG: the time of ${name} tells more than its answer`)
process.exit(telling.length === 0 ? 0 : 1)
