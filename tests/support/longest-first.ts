import { BaseSequencer, type TestSpecification } from 'vitest/node'

// The files that take longest, where no earlier run has told: so that none is alone at the end.
const LONG = [
  // By what they compute, in browsers, databases and processes of their own or with crowds.
  /outage\/(?:dead-provider|second-provider\.|fairness|postgres-outage)|stores\/(?:tls|postgres-failover|redis-failover)|dashboard\/|ops\/alerts|abuse\/(?:guessing|hashing|pipelining|protocol)/,
  // By what they wait for.
  /tests\/(?:outage|stores|processes)\/|worker\/(?:delivery|queue-loss|several-workers|operator-retry|trace-mail|account-errors)|metrics\/worker/,
  /tests\/(?:worker|abuse|proof|events|metrics|tracing)\//,
]

const LONG_UNITS = /password-hashing|export-traces|adapter-answers/

const SMALL_PROJECTS = ['sentinel', 'cluster']

const rankOf = ({ moduleId, project }: TestSpecification): number => {
  if (project.name === 'unit') return LONG.length + (LONG_UNITS.test(moduleId) ? 1 : 2)
  const rank = LONG.findIndex((pattern) => pattern.test(moduleId))
  return rank === -1 ? LONG.length : rank
}

/**
 * The long files first, and those that compute by turns with those that wait, so that neither has all cores or none. Before them those of the
 * small projects, together: a process that has run files of one project is ended before one of another.
 */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const all = await super.sort(files)
    const ofSmallOnes = SMALL_PROJECTS.flatMap((name) => all.filter(({ project }) => project.name === name))
    const sorted = all
      .filter(({ project }) => !SMALL_PROJECTS.includes(project.name))
      .toSorted((one, other) => rankOf(one) - rankOf(other))
    const [computing, waiting, rest] = [sorted.filter(isOfRank(0)), sorted.filter(isOfRank(1)), sorted.filter(isLater)]
    const byTurns = computing.flatMap((file, index) => [file, ...waiting.slice(index, index + 1)])
    return [...ofSmallOnes, ...byTurns, ...waiting.slice(computing.length), ...rest]
  }
}

const isOfRank = (rank: number) => (file: TestSpecification) => rankOf(file) === rank
const isLater = (file: TestSpecification) => rankOf(file) > 1
