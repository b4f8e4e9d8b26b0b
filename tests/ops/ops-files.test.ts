import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as v from 'valibot'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { PATIENT } from '../support/patient.ts'
import { startProgram, type TestProgram } from '../support/processes.ts'
import { type Family, familyName, parseMetrics } from './metric-text.ts'
import { hasPromtool, promtool, promtoolOn, RULES } from './promtool.ts'
import { scrape } from './recording.ts'

const ROOT = join(import.meta.dirname, '../..')
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')

const expression = v.object({ expr: v.string(), refId: v.string() })
const dashboardSchema = v.object({
  uid: v.literal('latchkey'),
  title: v.string(),
  templating: v.object({ list: v.array(v.object({ name: v.string(), type: v.string(), query: v.string() })) }),
  panels: v.array(
    v.object({
      id: v.number(),
      type: v.picklist(['row', 'stat', 'table', 'timeseries']),
      title: v.pipe(v.string(), v.nonEmpty()),
      gridPos: v.object({ x: v.number(), y: v.number(), w: v.number(), h: v.number() }),
      datasource: v.optional(
        v.object({ type: v.literal('prometheus'), uid: v.pipe(v.string(), v.regex(/^\$\{datasource\}$/)) }),
      ),
      targets: v.optional(v.array(expression), []),
    }),
  ),
})

const dashboard = v.parse(dashboardSchema, JSON.parse(read('ops/grafana/latchkey.json')))
const dashboardExpressions = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr))
const rules = readFileSync(RULES, 'utf8')

let database: TestDatabase
let processes: TestProgram[]
let pages: { api: string; worker: string }
let families: Map<string, Family>

// Each family is there from the start only for the providers that report.
const REPORTS = { MAIL_PROVIDER: 'brevo', MAIL_EVENTS_SECRET: 'a-token' }
// And only where events are told.
const EVENTS = { WEBHOOK_URL: 'http://127.0.0.1:9', WEBHOOK_SECRET: `whsec_${btoa('a'.repeat(24))}` }

beforeAll(async () => {
  database = await createTestDatabase()
  const environment = { DATABASE_URL: database.url, MAIL_URL: 'http://127.0.0.1:9' }
  const [api, worker] = await Promise.all([
    startProgram('api', { ...environment, ...REPORTS }),
    startProgram('worker', { ...environment, ...EVENTS }),
  ])
  processes = [api, worker]
  await fetch(`${api.url}/v1/users`)
  await vi.waitFor(async () => expect(await scrape(worker.opsUrl)).toContain('latchkey_queue_jobs{'), PATIENT)
  pages = { api: (await scrape(api.opsUrl)) ?? '', worker: (await scrape(worker.opsUrl)) ?? '' }
  families = new Map([...parseMetrics(pages.worker), ...parseMetrics(pages.api)])
})
afterAll(async () => {
  await Promise.all(processes.map((process) => process.stop()))
  await database.drop()
})

const NAME = /\b(?:latchkey|nodejs|process)_\w+/g

/** The series that these texts name and that no process shows. */
const unknownIn = (text: string): string[] =>
  [...new Set(text.match(NAME) ?? [])].filter((name) => !familyName(name, new Set(families.keys())))

describe('every metric that ops names exists', () => {
  test.each(['ops/prometheus/alerts.yml', 'ops/prometheus/alerts.test.yml', 'ops/prometheus/prometheus.yml'])(
    '%s',
    (file) => {
      expect(unknownIn(read(file))).toEqual([])
    },
  )

  test('ops/grafana/latchkey.json', () => {
    expect(dashboardExpressions.length).toBeGreaterThan(20)
    expect(unknownIn(dashboardExpressions.join('\n'))).toEqual([])
  })

  test('and so does every label of theirs', () => {
    const selectors = [rules, ...dashboardExpressions]
      .join('\n')
      .matchAll(/\b((?:latchkey|nodejs|process)_\w+)\{([^}]*)\}/g)
    const unknown = [...selectors].flatMap(([, series = '', matchers = '']) => {
      const labels = families.get(familyName(series, new Set(families.keys())) ?? '')?.labels
      const used = [...matchers.matchAll(/(\w+)(?:=~|!~|!=|=)/g)].map(([, label = '']) => label)
      return used.filter((label) => label !== 'job' && !labels?.has(label)).map((label) => `${series}{${label}}`)
    })
    expect(unknown).toEqual([])
  })
})

describe('docs/metrics.md', () => {
  const SECTIONS = {
    '## Both processes': ['api', 'worker'],
    '## The api': ['api'],
    '## The worker': ['worker'],
  } as const

  test('names exactly the metrics of each process, with their types and labels', () => {
    const page = read('docs/metrics.md')
    const documented = Object.entries(SECTIONS).flatMap(([title, where]) => {
      const section = page.slice(page.indexOf(title) + title.length).split('\n## ')[0] ?? ''
      return [...section.matchAll(/^\| `(\w+)` *\| (\w+) *\| ([\w, ]*?) *\|/gm)].flatMap(
        ([, name, type, labels = '']) =>
          where.map((process) => `${process} ${name} ${type} ${labels.split(', ').toSorted().join()}`),
      )
    })
    const shown = (['api', 'worker'] as const).flatMap((process) =>
      [...parseMetrics(pages[process])]
        .filter(([name]) => name.startsWith('latchkey_'))
        .map(([name, { type, labels }]) => `${process} ${name} ${type} ${[...labels].toSorted().join()}`),
    )
    expect(documented.toSorted()).toEqual(shown.toSorted())
  })
})

describe('the dashboard', () => {
  test('asks for its Prometheus, and every panel uses that', () => {
    expect(dashboard.templating.list).toEqual([{ name: 'datasource', type: 'datasource', query: 'prometheus' }])
    const without = dashboard.panels.filter(
      ({ type, datasource, targets }) => type !== 'row' && !(datasource && targets.length),
    )
    expect(without.map(({ title }) => title)).toEqual([])
  })

  test('has panels with ids of their own that do not cover each other', () => {
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length)
    const cells = dashboard.panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, index) => `${x + (index % w)},${y + Math.floor(index / w)}`),
    )
    expect(new Set(cells).size).toBe(cells.length)
    expect(dashboard.panels.filter(({ gridPos: { x, w } }) => x + w > 24)).toEqual([])
  })
})

describe('each alert', () => {
  const anchors = [...read('docs/operations.md').matchAll(/^##+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w -]/g, '')
      .replaceAll(' ', '-'),
  )
  const alerts = rules.split('- alert: ').slice(1)

  test.each(alerts.map((text) => ({ name: text.split('\n')[0], text })))('$name tells what to do', ({ text }) => {
    expect(text).toMatch(/labels: \{ severity: (?:page|ticket) \}/)
    expect(text).toMatch(/summary: \S/)
    expect(text).toMatch(/description: (?:>-\n\s+)?\S/)
    expect(anchors).toContain(/runbook_url: docs\/operations\.md#([\w-]+)/.exec(text)?.[1])
  })
})

describe.runIf(hasPromtool)('promtool', () => {
  test('takes the scrape configuration and the alert rules', () => {
    expect(promtool(['check', 'config', join(ROOT, 'ops/prometheus/prometheus.yml')])).toMatchObject({ status: 0 })
    expect(promtool(['check', 'rules', RULES])).toMatchObject({ status: 0 })
  })

  test('finds that the rules do what their own tests say', () => {
    const { status, output } = promtool(['test', 'rules', join(ROOT, 'ops/prometheus/alerts.test.yml')])
    expect(output).toContain('SUCCESS')
    expect(status).toBe(0)
  })

  test.each(['api', 'worker'] as const)('has nothing to say against the metrics of the %s', (name) => {
    expect(promtool(['check', 'metrics'], pages[name])).toEqual({ status: 0, output: '' })
  })

  test("takes the dashboard's expressions", async () => {
    const expressions = dashboardExpressions.map((expr) => expr.replaceAll('$__rate_interval', '1m'))
    const group = {
      name: 'dashboard',
      rules: expressions.map((expr, index) => ({ record: `dashboard:${index}`, expr })),
    }
    expect(await promtoolOn(['check', 'rules'], { groups: [group] })).toMatchObject({ status: 0 })
  })
})
