import * as v from 'valibot'

const report = v.object({
  vulnerabilities: v.record(v.string(), v.object({ name: v.string(), severity: v.string() })),
})

const SERIOUS = new Set(['high', 'critical'])

export type Audit = { isPossible: false } | { isPossible: true; faults: string[] }

/** What `npm audit --json` found that is serious. Not every registry answers it, and without a network none does. */
export const readAudit = (output: string): Audit => {
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), report), output)
  if (!parsed.success) return { isPossible: false }
  const serious = Object.values(parsed.output.vulnerabilities).filter(({ severity }) => SERIOUS.has(severity))
  return {
    isPossible: true,
    faults: serious.map(({ name, severity }) => `${name} has a known weakness of severity ${severity}: see npm audit`),
  }
}
