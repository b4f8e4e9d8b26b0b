import type { Tx } from '../postgres/pool.ts'

/** What a use case may cost its caller. Both may throw, and what they throw ends the use case. */
export type Spending = {
  /** Throws when nothing is left. */
  check(): Promise<void>
  /** Spends one as part of the transaction, and throws when that was one too many. */
  spend(tx: Tx): Promise<void>
}

/** What a registration may cost, and what a try to repeat one that is not one's own. */
export type RegistrationSpending = Spending & {
  /** Throws when nothing is left for tries at this registration's password. */
  checkRepetition(userId: string): Promise<void>
  /** Spends one of them, as the password was another. */
  spendRepetition(userId: string): Promise<void>
}
