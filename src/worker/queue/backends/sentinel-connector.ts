import { Redis, type SentinelConnectionOptions, SentinelConnector } from 'ioredis'

/**
 * Asks Sentinels for the master; a class, as ioredis takes nothing else. While ioredis asks for the new one it still hears of failovers over
 * what watched the connection before, and one that is announced then breaks its search off for good. So what
 * watched is closed first; each connection is watched anew. What a watcher meets is not written to stderr, as ioredis does with
 * errors that nobody listens to: the connection itself tells of an outage.
 */
export class SteadySentinelConnector extends SentinelConnector {
  #isWatched = false

  constructor(options: unknown) {
    if (!namesSentinels(options)) throw new TypeError('these options name no Sentinels')
    super(options)
  }

  override async connect(
    ...report: Parameters<SentinelConnector['connect']>
  ): ReturnType<SentinelConnector['connect']> {
    // Once: each further call would leave a listener at what is closed already, for as long as an outage lasts.
    if (this.#isWatched) this.disconnect()
    this.#isWatched = false
    const stream = await super.connect(...report)
    // ioredis makes the watchers at these events, just before.
    for (const event of ['connect', 'secureConnect'])
      stream.once(event, () => {
        this.#isWatched = true
        for (const watcher of watchersOf(this)) watcher.on('error', () => {})
      })
    return stream
  }
}

const namesSentinels = (options: unknown): options is SentinelConnectionOptions =>
  typeof options === 'object' && options !== null && 'sentinels' in options

/** None when ioredis keeps them elsewhere one day. */
const watchersOf = (connector: SentinelConnector): Redis[] => {
  const sentinels: unknown = Reflect.get(Object(Reflect.get(connector, 'failoverDetector')), 'sentinels')
  if (!Array.isArray(sentinels)) return []
  return sentinels.flatMap(({ client }) => (client instanceof Redis ? [client] : []))
}
