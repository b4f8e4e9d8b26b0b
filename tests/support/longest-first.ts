import { BaseSequencer, type TestSpecification } from 'vitest/node'

// The files that take longest, by what they mostly wait for, where no earlier run has told: so that none is alone at the end.
const LONG = [
  /outage\/(?:dead-provider|second-provider\.|fairness|postgres-outage)|stores\/(?:tls|postgres-failover)|dashboard\/|ops\/alerts/,
  /tests\/(?:outage|stores|processes)\/|worker\/(?:delivery|queue-loss|several-workers|operator-retry|trace-mail|account-errors)|metrics\/worker|abuse\/(?:guessing|hashing|pipelining|protocol)|password-hashing/,
  /tests\/(?:worker|abuse|proof|events|metrics|tracing)\//,
]

const rankOf = ({ moduleId, project }: TestSpecification): number => {
  const rank = LONG.findIndex((pattern) => pattern.test(moduleId))
  const isUnit = project.name === 'unit'
  // Those that are named are long; the others of their folder are not.
  if (rank === -1 || (isUnit && rank === LONG.length - 1)) return LONG.length + Number(isUnit)
  return rank
}

/** The long files first. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return (await super.sort(files)).toSorted((one, other) => rankOf(one) - rankOf(other))
  }
}
