import type { Socket } from 'node:net'
import { bulk, startFakeRedis } from './fake-redis.ts'

const NAME = 'latchkey'
// Nobody is there.
const GONE = 1
const NOBODY = { username: undefined, password: undefined }

/**
 * A Redis that is its own Sentinel, for what real ones do at a moment of their own. After `killMaster` whoever still watches for failovers while the
 * master is asked for is told of one, and the answer comes when he has left.
 */
export const startFakeSentinel = async () => {
  const watchers = new Set<Socket>()
  let isFailingOver = false
  let masterPort = 0
  let searches = 0

  const redis = await startFakeRedis(async ([name = '', noun = ''], socket) => {
    if (name.toUpperCase() === 'SUBSCRIBE') {
      watchers.add(socket.on('close', () => void watchers.delete(socket)))
      return `*3\r\n${bulk('subscribe')}${bulk(noun)}:1\r\n`
    }
    if (name.toUpperCase() !== 'SENTINEL') return '+PONG\r\n'
    if (noun !== 'get-master-addr-by-name') return '*0\r\n'
    if (isFailingOver) await Promise.all([...watchers].map(tellOfFailover))
    searches += 1
    return `*2\r\n${bulk('127.0.0.1')}${bulk(String(masterPort))}`
  })
  masterPort = redis.port
  const dropOthers = () => {
    for (const socket of redis.sockets) if (!watchers.has(socket)) socket.destroy()
  }
  const nodes = [{ host: '127.0.0.1', port: redis.port }]
  return {
    store: { kind: 'sentinel', isTls: false, nodes, master: NAME, db: 0, ...NOBODY, sentinel: NOBODY } as const,
    watchers,
    killMaster: () => {
      isFailingOver = true
      dropOthers()
    },
    /** None takes its place. */
    loseMaster: () => {
      masterPort = GONE
      dropOthers()
    },
    /** How often the master was asked for. */
    searches: () => searches,
    /** As a Sentinel that is started again. */
    dropWatchers: () => {
      for (const socket of watchers) socket.resetAndDestroy()
    },
    close: redis.close,
  }
}

const tellOfFailover = (watcher: Socket) =>
  new Promise<void>((resolve) => {
    watcher.once('close', () => resolve())
    const news = ['message', '+switch-master', `${NAME} 127.0.0.1 1 127.0.0.1 2`]
    watcher.write(`*3\r\n${news.map(bulk).join('')}`)
  })
