import { Pool } from 'undici'

export type Load = { url: string; connections: number; seconds: number; name: string; perSecond?: number }

/** Answers with 202, how long each took, the time until the last of them, and the processor time that sending took. */
export type Done = { count: number; seconds: number; tookMs: number[]; cpuMs: number; others: number }

/**
 * Runs as a process of its own: so many clients that each register one person after the other, or, with `perSecond`, at that
 * rate over all of them.
 */
const { url, connections, seconds, name, perSecond }: Load = JSON.parse(process.argv[2] ?? '')
// Who is told 503 comes back, sooner than it is told to, as a closed loop must not run dry.
const BACK_OFF_MS = 100
const api = new Pool(url, { connections, pipelining: 1 })
const begun = performance.now()
const tookMs: number[] = []
let sent = 0
let others = 0
// A refusal may be held back for a while after it.
let lastAt = begun

const register = async (): Promise<void> => {
  const index = sent++
  const dueMs = perSecond === undefined ? 0 : (index * 1000) / perSecond
  const waitMs = begun + dueMs - performance.now()
  if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs))
  const at = performance.now()
  const { statusCode, body } = await api.request({
    method: 'POST',
    path: '/v1/users',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email: `${name}-${index}@example.com`, password: 'correct horse battery' }),
  })
  await body.dump()
  if (statusCode === 202) {
    lastAt = performance.now()
    tookMs.push(lastAt - at)
  } else if (statusCode === 503) await new Promise((resolve) => setTimeout(resolve, BACK_OFF_MS))
  else others += 1
}

const client = async (): Promise<void> => {
  while (performance.now() - begun < seconds * 1000) await register()
}

await Promise.all(Array.from({ length: connections }, client))
const { user, system } = process.cpuUsage()
process.once('disconnect', () => process.exit())
process.send?.({
  count: tookMs.length,
  seconds: (lastAt - begun) / 1000,
  tookMs,
  cpuMs: (user + system) / 1000,
  others,
} satisfies Done)
