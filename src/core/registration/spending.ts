import type { Tx } from '../postgres/pool.ts'

/** What a use case may cost its caller. Both may throw, and what they throw ends the use case. */
export type Spending = {
  /** Throws when nothing is left. */
  check(): Promise<void>
  /** Spends one as part of the transaction, and throws when that was one too many. */
  spend(tx: Tx): Promise<void>
}
