import { Socket } from 'node:net'
import { AbstractConnector, Cluster, Redis, type RedisOptions } from 'ioredis'
import { LONGEST_WAIT_SECONDS } from './paced-backend.ts'
import type { RedisStore } from './redis-url.ts'
import { SteadySentinelConnector } from './sentinel-connector.ts'

export type RedisClient = Redis | Cluster

// ioredis types its answers by this option.
type Options = RedisOptions & { replyMapping?: 'legacy' }

const CONNECT_TIMEOUT_MS = 2000
const COMMAND_TIMEOUT_MS = 3000
const MAX_RECONNECT_MS = 1000
// Who does not answer for so long is gone, though nobody says so: a network or a proxy in between may keep such a connection for ever, and
// Linux one with unanswered data for a quarter of an hour.
const SILENCE_MS = 5000
// A connection that waits for a job hears nothing for so long. BullMQ itself gives it up a second later, once it is made.
const WAITING_SILENCE_MS = LONGEST_WAIT_SECONDS * 1000 + SILENCE_MS
// How often a Cluster is asked again while it elects a new master: every 100 ms, for 1.6 seconds or for minutes.
const FEW_REDIRECTIONS = 16
const MANY_REDIRECTIONS = 3000

// ioredis hears one error of a connection. One over TLS that it ends in the handshake may have two: that its certificate is not trusted, and
// then the server's alert, which nobody would hear, and that ends a process.
const { disconnect } = AbstractConnector.prototype
AbstractConnector.prototype.disconnect = function (this: AbstractConnector) {
  const stream: unknown = Reflect.get(this, 'stream')
  if (stream instanceof Socket) stream.on('error', () => {})
  disconnect.call(this)
}

const retryStrategy = (times: number): number => Math.min(times * 100, MAX_RECONNECT_MS)

// A master that a failover made a replica: the next connection goes to the new one, and the command with it.
const reconnectOnError = ({ message }: Error): false | 2 => (message.includes('READONLY') ? 2 : false)

// The check asks with INFO, which a user of Redis may have no right to; a Redis that loads its data says so to every command.
const COMMON = {
  connectTimeout: CONNECT_TIMEOUT_MS,
  socketTimeout: SILENCE_MS,
  reconnectOnError,
  enableReadyCheck: false,
}

/** A connection whose commands fail soon while Redis is away. */
export const connectFast = (store: RedisStore): RedisClient =>
  connect(store, { commandTimeout: COMMAND_TIMEOUT_MS, maxRetriesPerRequest: 1 }, false)

/** A connection whose commands wait for as long as it takes. */
export const connectPatiently = (store: RedisStore): RedisClient => connect(store, { maxRetriesPerRequest: null }, true)

type Times = Pick<RedisOptions, 'commandTimeout' | 'maxRetriesPerRequest'>

const connect = (store: RedisStore, times: Times, isPatient: boolean): RedisClient => {
  const options: Options = { ...COMMON, ...times, enableOfflineQueue: isPatient, retryStrategy }
  switch (store.kind) {
    case 'single':
      return patientlyWaiting(new Redis(store.url, options))
    case 'sentinel':
      return patientlyWaiting(new Redis({ ...options, ...sentinelOptions(store) }))
    case 'cluster':
      return connectToCluster(store, times, isPatient)
  }
}

/** The detector hears from the Sentinels of a failover that a silent connection would not notice. */
const sentinelOptions = (store: RedisStore & { kind: 'sentinel' }): Options => ({
  sentinels: store.nodes,
  name: store.master,
  db: store.db,
  username: store.username,
  password: store.password,
  sentinelUsername: store.sentinel.username,
  sentinelPassword: store.sentinel.password,
  sentinelRetryStrategy: retryStrategy,
  sentinelReconnectStrategy: retryStrategy,
  sentinelCommandTimeout: COMMAND_TIMEOUT_MS,
  failoverDetector: true,
  Connector: SteadySentinelConnector,
  ...(store.isTls && { tls: {}, sentinelTLS: {}, enableTLSForSentinelMode: true }),
})

/** What BullMQ makes of a connection, to wait with, is silent for longer. */
const patientlyWaiting = (redis: Redis): Redis => {
  const duplicate = redis.duplicate.bind(redis)
  redis.duplicate = (override) => duplicate({ ...override, socketTimeout: WAITING_SILENCE_MS })
  return redis
}

const connectToCluster = (store: RedisStore & { kind: 'cluster' }, times: Times, isPatient: boolean): Cluster =>
  steady(
    new Cluster(store.nodes, {
      enableOfflineQueue: isPatient,
      maxRedirections: isPatient ? MANY_REDIRECTIONS : FEW_REDIRECTIONS,
      clusterRetryStrategy: retryStrategy,
      // With it ioredis' `connect` never answers when the Cluster is down just then. A command is told so, and sent again.
      enableReadyCheck: false,
      slotsRefreshTimeout: CONNECT_TIMEOUT_MS,
      // A name stays a name, as certificates are made out to it.
      dnsLookup: (address, callback) => callback(null, address),
      redisOptions: {
        ...COMMON,
        ...times,
        username: store.username,
        password: store.password,
        ...(store.isTls && { tls: {} }),
      },
    }),
  )

/**
 * Makes a connection to a Cluster, and what BullMQ makes of it to wait with, end when it is closed, as BullMQ waits for that. ioredis follows a
 * command to another node also while it closes, and would then wait for ever for the end of a connection that it never opened.
 */
const steady = (cluster: Cluster): Cluster => {
  cluster.on('+node', (node) => {
    if (cluster.status === 'disconnecting') node.disconnect()
  })
  const duplicate = cluster.duplicate.bind(cluster)
  cluster.duplicate = (nodes, override) =>
    steady(
      duplicate(nodes, { ...override, redisOptions: { ...override?.redisOptions, socketTimeout: WAITING_SILENCE_MS } }),
    )
  return cluster
}
