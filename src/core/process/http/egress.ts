import { Agent, type Dispatcher, EnvHttpProxyAgent } from 'undici'

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
