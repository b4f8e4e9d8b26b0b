import { type SentinelConnectionOptions, SentinelConnector } from 'ioredis'

/**
 * Asks Sentinels for the master; a class, as ioredis takes nothing else. While ioredis asks for the new one it still hears of failovers over
 * what watched the connection before, and one that is announced then breaks its search off for good. So what
 * watched is closed first; each connection is watched anew.
 */
export class SteadySentinelConnector extends SentinelConnector {
  constructor(options: unknown) {
    if (!namesSentinels(options)) throw new TypeError('these options name no Sentinels')
    super(options)
  }

  override connect(...report: Parameters<SentinelConnector['connect']>): ReturnType<SentinelConnector['connect']> {
    this.disconnect()
    return super.connect(...report)
  }
}

const namesSentinels = (options: unknown): options is SentinelConnectionOptions =>
  typeof options === 'object' && options !== null && 'sentinels' in options
