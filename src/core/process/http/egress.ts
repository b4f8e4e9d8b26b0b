import { Agent, type Dispatcher, EnvHttpProxyAgent, Pool } from 'undici'

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
    // Each call has a connection to itself, which ends with it when there is no answer. Over HTTP/2 all share one: while that is made all
    // but the first wait and hear of no abort, and when it is dead all meet silence until a ping tells.
    allowH2: false,
    connect: { timeout: timeoutMs * CONNECT_SHARE },
    connectTimeout: timeoutMs * CONNECT_SHARE,
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    maxResponseSize: settings.maxAnswerBytes,
  }
  if (proxies.HTTPS_PROXY === undefined) return new Agent(options)
  // A call over http goes its own way, whatever the environment says.
  const agent = { ...options, httpProxy: '', httpsProxy: proxies.HTTPS_PROXY, noProxy: proxies.NO_PROXY ?? '' }
  // The wait for its tunnel is a part of connecting: undici's own limit for that is five minutes, and who waits there hears of no abort.
  const clientFactory = (origin: URL, more: object) =>
    new Pool(origin, { ...more, headersTimeout: options.connectTimeout })
  return new EnvHttpProxyAgent({ ...agent, clientFactory })
}
