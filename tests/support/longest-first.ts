import { BaseSequencer, type TestSpecification } from 'vitest/node'

// The files that take longest, by what they mostly wait for, where no earlier run has told: so that none is alone at the end.
const LONG = [
  /events\/events|queue-(?:outages|refusals)|worker\/queue-loss|processes|ops\/alerts|metrics\/worker/,
  /tests\/(?:outage|stores)\/|several-workers|worker\/(?:delivery|trace-mail|operator-retry)|metrics\/|tracing|interleavings|dashboard\//,
  /tests\/(?:worker|abuse|proof)\//,
]

const rankOf = ({ moduleId, project }: TestSpecification): number => {
  if (project.name === 'unit') return LONG.length + 1
  const rank = LONG.findIndex((pattern) => pattern.test(moduleId))
  return rank === -1 ? LONG.length : rank
}

/** The long files first. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return (await super.sort(files)).toSorted((one, other) => rankOf(one) - rankOf(other))
  }
}
