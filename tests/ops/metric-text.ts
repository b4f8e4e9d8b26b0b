/** What a process shows of one metric. */
export type Family = { type: string; labels: Set<string>; samples: { labels: Record<string, string>; value: number }[] }

const SAMPLE = /^(\w+)(?:\{(.*)\})? (\S+)$/

/** The metrics of a `/metrics` page, by name; the parts of a histogram (`_bucket`, `_sum`, `_count`) belong to it. */
export const parseMetrics = (page: string): Map<string, Family> => {
  const families = new Map<string, Family>()
  for (const line of page.split('\n')) {
    const [, declared, type] = /^# TYPE (\w+) (\w+)$/.exec(line) ?? []
    if (declared && type) families.set(declared, { type, labels: new Set(), samples: [] })
    const [, name = '', pairs = '', value] = line.startsWith('#') ? [] : (SAMPLE.exec(line) ?? [])
    const family = families.get(familyName(name, new Set(families.keys())) ?? '')
    if (!family) continue
    const labels = Object.fromEntries([...pairs.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, text]) => [key, text]))
    for (const label of Object.keys(labels)) if (label !== 'le') family.labels.add(label)
    family.samples.push({ labels: { ...labels, name }, value: Number(value) })
  }
  return families
}

/** The metric that a series belongs to, among these; undefined when there is none. */
export const familyName = (series: string, names: ReadonlySet<string>): string | undefined =>
  [series, series.replace(/_(?:bucket|sum|count)$/, '')].find((name) => names.has(name))

/** The value of one series; undefined when it is not there. `name` has its suffix. */
export const readValue = (page: string, name: string, labels: Record<string, string> = {}): number | undefined =>
  [...parseMetrics(page).values()]
    .flatMap(({ samples }) => samples)
    .find((sample) => Object.entries({ ...labels, name }).every(([key, value]) => sample.labels[key] === value))?.value
