import { once } from 'node:events'
import type { Socket } from 'node:net'
import { bulk, startFakeRedis } from './fake-redis.ts'

const NOBODY = { username: undefined, password: undefined }
// Nobody is there.
const ANOTHER_NODE = '127.0.0.1:1'

/**
 * A Cluster of one node, for what real ones do at a moment of their own: while `state.isDown` it says of itself that it is down, and a GET is
 * answered only when its client takes its leave: its slot has moved to another node. Who is connected at a `silence` is told nothing any more.
 */
export const startFakeCluster = async () => {
  const state = { isDown: false }
  const silenced = new Set<Socket>()
  const redis = await startFakeRedis(async ([name = '', noun = ''], socket) => {
    if (silenced.has(socket)) return new Promise<string>(() => {})
    switch (`${name} ${noun}`.trim().toUpperCase()) {
      case 'CLUSTER SLOTS':
        return `*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n${bulk('127.0.0.1')}:${redis.port}\r\n`
      case 'CLUSTER INFO':
        return bulk(`cluster_state:${state.isDown ? 'fail' : 'ok'}`)
      case 'PING':
        return state.isDown ? '-CLUSTERDOWN The cluster is down\r\n' : '+PONG\r\n'
      case 'GET HELD':
        await once(socket, 'end')
        return `-MOVED 0 ${ANOTHER_NODE}\r\n`
      default:
        return '+OK\r\n'
    }
  })
  const nodes = [{ host: '127.0.0.1', port: redis.port }]
  return {
    store: { kind: 'cluster', isTls: false, nodes, ...NOBODY } as const,
    state,
    silence: () => redis.sockets.forEach((socket) => void silenced.add(socket)),
    close: redis.close,
  }
}
