/**
 * How long a test waits for what happens on its own, back-off and lost leases included: only what never happens takes so long, on
 * however slow a machine. `expect.poll` has it by default.
 */
export const PATIENT = { timeout: 120_000, interval: 40 }
