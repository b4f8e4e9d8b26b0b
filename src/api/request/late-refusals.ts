import { setTimeout as sleep } from 'node:timers/promises'
import type { Context } from 'hono'
import { createMiddleware } from 'hono/factory'
import { routePath } from 'hono/route'
import { isTrustedPeer } from '../../core/process/http/client-network.ts'
import type { ApiEnv, ApiTools } from '../context.ts'
import { requestNetwork } from './request-network.ts'

// A person who clicks again is answered at once.
const FREE_RETURNS = 5
const FIRST_DELAY_MS = 250
const MAX_DELAY_MS = 2000
// What one network is refused at once in two seconds; behind it there may be many people, and only their refusals come late.
const FREE_REFUSALS_PER_NETWORK = 500
const COUNT_MS = 2000
const NETWORK_DELAY_MS = 1000
const MAX_HELD = 2000

/** What a connection was told about a route: until when it should wait, and how often it came before that. */
type Told = { until: number; early: number }

/**
 * Who comes back before `Retry-After` is over, on the same connection or from a network that is refused by the hundreds, gets the
 * next refusal late: so there are few of them, and the work is left for those that are admitted, early or not, at once. No more than
 * 2,000 refusals are held; past that a connection ends with its refusal.
 */
export const delayRefusals = (tools: Pick<ApiTools, 'trustedProxies'>) => {
  const told = new WeakMap<object, Map<string, Told>>()
  const counts = createRefusalCounts()
  let held = 0
  return createMiddleware<ApiEnv>(async (c, next) => {
    const came = performance.now()
    await next()
    const waitMs = waitOf(c)
    const socket = c.env?.incoming?.socket
    if (waitMs === null && (!socket || !told.has(socket))) return
    const route = `${c.req.method} ${routePath(c, -1)}`
    const routes = isTrustedPeer(c.env?.incoming, tools.trustedProxies) ? null : routesOf(socket, told)
    if (waitMs === null) return void routes?.delete(route)
    const former = routes?.get(route)
    const early = former && came < former.until ? former.early + 1 : 0
    const delayMs = Math.min(waitMs, Math.max(delayOf(early), delayOfNetwork(counts.add(requestNetwork(c, tools)))))
    if (delayMs > 0 && held >= MAX_HELD) c.header('Connection', 'close')
    else if (delayMs > 0) {
      held += 1
      await sleep(delayMs, undefined, { signal: c.req.raw.signal }).catch(() => {})
      held -= 1
    }
    routes?.set(route, { until: performance.now() + waitMs, early })
  })
}

/** For how long the answer tells to wait; null when it is no refusal for now. */
const waitOf = ({ res }: Context<ApiEnv>): number | null => {
  if (res.status !== 429 && res.status !== 503) return null
  return Number(res.headers.get('Retry-After') ?? 0) * 1000
}

/** What this connection was told. Not asked for a proxy's, which carries the requests of many. */
const routesOf = (socket: object | undefined, told: WeakMap<object, Map<string, Told>>): Map<string, Told> | null => {
  if (!socket) return null
  const known = told.get(socket) ?? new Map<string, Told>()
  told.set(socket, known)
  return known
}

const delayOf = (early: number): number =>
  early <= FREE_RETURNS ? 0 : Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** (early - FREE_RETURNS - 1))

const delayOfNetwork = (refusals: number): number => (refusals > FREE_REFUSALS_PER_NETWORK ? NETWORK_DELAY_MS : 0)

/** Counts the refusals of each network in a window of one to two times two seconds; what is older is forgotten as a whole. */
const createRefusalCounts = () => {
  let [former, current] = [new Map<string, number>(), new Map<string, number>()]
  let began = performance.now()
  return {
    /** Adds one, and gives how many there are now. */
    add: (network: string): number => {
      const now = performance.now()
      if (now - began > COUNT_MS) {
        former = now - began > 2 * COUNT_MS ? new Map() : current
        current = new Map()
        began = now
      }
      const count = (current.get(network) ?? 0) + 1
      current.set(network, count)
      return count + (former.get(network) ?? 0)
    },
  }
}
