import { Agent, type Dispatcher, EnvHttpProxyAgent, request } from 'undici'

/** The proxy for calls over https, and the hosts that are called without it; as the variables of these names hold them. */
export type Proxies = { HTTPS_PROXY?: string | undefined; NO_PROXY?: string | undefined }

const CONNECT_SHARE = 0.8

/** A pool of connections to the outside. `timeoutMs` bounds the silence while connecting and while waiting for an answer. */
export const createEgress = (settings: {
  proxies?: Proxies
  timeoutMs: number
  connections: number
  maxAnswerBytes: number
}): Dispatcher => {
  const { proxies = {}, timeoutMs } = settings
  const options = {
    connections: settings.connections,
    connect: { timeout: timeoutMs * CONNECT_SHARE },
    connectTimeout: timeoutMs * CONNECT_SHARE,
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    maxResponseSize: settings.maxAnswerBytes,
  }
  if (proxies.HTTPS_PROXY === undefined) return new Agent(options)
  // A call over http goes its own way, whatever the environment says.
  const agent = { ...options, httpProxy: '', httpsProxy: proxies.HTTPS_PROXY, noProxy: proxies.NO_PROXY ?? '' }
  return new EnvHttpProxyAgent(agent)
}

const FETCH_TIMEOUT_MS = 5000
const MAX_TEXT_BYTES = 64 * 1024

/** Fetches small texts from the outside, and follows no redirect; rejects when there is none in time. */
export const createTextFetcher = (proxies: Proxies): ((url: string) => Promise<string>) => {
  const egress = { proxies, timeoutMs: FETCH_TIMEOUT_MS, connections: 2, maxAnswerBytes: MAX_TEXT_BYTES }
  const dispatcher = createEgress(egress)
  return async (url) => {
    const { statusCode, body } = await request(url, { dispatcher, signal: AbortSignal.timeout(FETCH_TIMEOUT_MS) })
    const fetched = await body.text()
    if (statusCode !== 200) throw new Error(`a text could not be fetched: ${statusCode}`)
    return fetched
  }
}
