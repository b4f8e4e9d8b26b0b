import type { Dispatcher } from 'undici'
import type { Proxies } from './egress.ts'

const FETCH_TIMEOUT_MS = 5000
const MAX_TEXT_BYTES = 64 * 1024

/** Fetches small texts from the outside, and follows no redirect; rejects when there is none in time. */
export const createTextFetcher = (proxies: Proxies): ((url: string) => Promise<string>) => {
  const egress = { proxies, timeoutMs: FETCH_TIMEOUT_MS, connections: 2, maxAnswerBytes: MAX_TEXT_BYTES }
  let dispatcher: Dispatcher | undefined
  return async (url) => {
    // Loaded by the first that fetches: most processes never do.
    const [{ request }, { createEgress }] = await Promise.all([import('undici'), import('./egress.ts')])
    dispatcher ??= createEgress(egress)
    const { statusCode, body } = await request(url, { dispatcher, signal: AbortSignal.timeout(FETCH_TIMEOUT_MS) })
    const fetched = await body.text()
    if (statusCode !== 200) throw new Error(`a text could not be fetched: ${statusCode}`)
    return fetched
  }
}
