import { BaseSequencer, type TestSpecification } from 'vitest/node'

// The files that take longest, where no earlier run has told: so that none is alone at the end.
const LONG = [
  // By what they compute, in browsers, databases and processes of their own or with crowds.
  /outage\/(?:dead-provider|second-provider\.|fairness|postgres-outage)|stores\/(?:tls|postgres-failover|redis-failover)|dashboard\/|ops\/alerts|abuse\/(?:guessing|hashing|pipelining|protocol)|password-hashing/,
  // By what they wait for.
  /tests\/(?:outage|stores|processes)\/|worker\/(?:delivery|queue-loss|several-workers|operator-retry|trace-mail|account-errors)|metrics\/worker/,
  /tests\/(?:worker|abuse|proof|events|metrics|tracing)\//,
]

const rankOf = ({ moduleId, project }: TestSpecification): number => {
  const rank = LONG.findIndex((pattern) => pattern.test(moduleId))
  const isUnit = project.name === 'unit'
  // Those that are named are long; the others of their folder are not.
  if (rank === -1 || (isUnit && rank === LONG.length - 1)) return LONG.length + Number(isUnit)
  return rank
}

/** The long files first, and those that compute by turns with those that wait, so that neither has all cores or none. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = (await super.sort(files)).toSorted((one, other) => rankOf(one) - rankOf(other))
    const [computing, waiting, rest] = [sorted.filter(isOfRank(0)), sorted.filter(isOfRank(1)), sorted.filter(isLater)]
    const byTurns = computing.flatMap((file, index) => [file, ...waiting.slice(index, index + 1)])
    return [...byTurns, ...waiting.slice(computing.length), ...rest]
  }
}

const isOfRank = (rank: number) => (file: TestSpecification) => rankOf(file) === rank
const isLater = (file: TestSpecification) => rankOf(file) > 1
