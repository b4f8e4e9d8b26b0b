import type { Announce } from '../announcements.ts'
import type { Fault, RequestFault } from './fault.ts'

/** `left`: requests that will still meet the fault, null until told. `until`: when a refusal ends. */
type FaultState = { fault: Fault | null; left: number | null; until: string | null }
export type Faults = ReturnType<typeof createFaults>

const NORMAL = { fault: null, left: null, until: null } satisfies FaultState

/** The fault that the provider has now, at most one. */
export function createFaults(announce: Announce) {
  let state: FaultState = NORMAL

  const become = (next: FaultState) => {
    state = next
    announce('fault', state)
    return state
  }

  return {
    state: (): FaultState => state,
    set: (fault: Fault): FaultState => become(stateOf(fault)),
    end: (): FaultState => become(NORMAL),

    /** The fault that this request meets; uses up one of its times. */
    take(): RequestFault | null {
      const { fault, left } = state
      if (fault === null || fault.kind === 'refuse') return null
      if (left !== null) become(left > 1 ? { ...state, left: left - 1 } : NORMAL)
      return fault
    },
  }
}

function stateOf(fault: Fault): FaultState {
  if (fault.kind !== 'refuse') return { fault, left: fault.times ?? null, until: null }
  return { fault, left: null, until: new Date(Date.now() + fault.seconds * 1000).toISOString() }
}
