import type { HttpBindings } from '@hono/node-server'
import { Hono } from 'hono'
import * as v from 'valibot'
import { readJson } from '../read-json.ts'
import { invalid, notJson } from '../refusal.ts'
import { faultSchema } from './fault.ts'
import type { Faults } from './faults.ts'

/** Faults on demand: look, set, end. */
export function faultRoutes({ faults, refuse }: { faults: Faults; refuse(seconds: number): Promise<void> }) {
  const app = new Hono<{ Bindings: HttpBindings }>()
  app.get('/', (c) => c.json(faults.state()))
  app.delete('/', (c) => c.json(faults.end()))
  app.put('/', async (c) => {
    const json = readJson(await c.req.text())
    if (json === undefined) return notJson()
    const fault = v.safeParse(faultSchema, json)
    if (!fault.success) return invalid(fault.issues)
    if (fault.output.kind === 'refuse') {
      const { seconds } = fault.output
      c.header('Connection', 'close')
      // Only when this answer has left or cannot leave any more: the refusal ends this connection too.
      c.env.outgoing.once('close', () => refuse(seconds))
    }
    return c.json(faults.set(fault.output))
  })
  return app
}
