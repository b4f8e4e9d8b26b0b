import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { RULES } from '../promtool.ts'

test('every alert fires in one of these tests', () => {
  const played = ['mail', 'service']
    .map((name) => readFileSync(join(import.meta.dirname, `${name}.test.ts`), 'utf8'))
    .join('\n')
  const alerts = [...readFileSync(RULES, 'utf8').matchAll(/- alert: (\w+)/g)].map(([, alert = '']) => alert)
  expect(alerts.length).toBeGreaterThan(10)
  expect(alerts.filter((alert) => !played.includes(`['${alert}'`) && !played.includes(`, '${alert}'`))).toEqual([])
})
