import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { vi } from 'vitest'
import { findFreePort } from '../../dev/free-port.ts'
import { PATIENT } from './patient.ts'
import type { TestRedis } from './redis.ts'
import { dataServer, newRedisServer, type RedisServer } from './redis-server.ts'

const SLOTS = 16_384
const MASTERS = 3

type ClusterNode = RedisServer & { busPort: number }

/** `home` has BullMQ's keys; the `replica` follows it, and takes its place when it dies. */
export type TestCluster = TestRedis & { nodes: RedisServer[]; home: RedisServer; replica: RedisServer | null }

/** A Redis Cluster of three masters; `isReplicated` adds a replica of the one that has BullMQ's keys. */
export const startTestCluster = async ({ isReplicated = false } = {}): Promise<TestCluster> => {
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-cluster-'))
  const nodes: ClusterNode[] = []
  while (nodes.length < MASTERS + Number(isReplicated)) nodes.push(await newNode(folder))
  const masters = nodes.slice(0, MASTERS)
  const replica = nodes[MASTERS] ?? null
  const start = async () => {
    await mkdir(folder, { recursive: true })
    await Promise.all(nodes.map((node) => node.start()))
    await Promise.all(masters.map(takeSlots))
    await introduce(nodes)
  }
  const stop = async () => {
    await Promise.all(nodes.map((node) => node.kill()))
    // What the nodes know of each other.
    await rm(folder, { recursive: true, force: true })
  }
  await start()
  const home = await findHome(masters)
  if (replica) await follow(replica, home)
  return {
    url: `redis+cluster://${nodes.map(({ port }) => `127.0.0.1:${port}`).join(',')}`,
    dataUrl: home.url,
    nodes,
    home,
    replica,
    start,
    stop,
    flush: async () => void (await Promise.all(masters.map((node) => node.ask((redis) => redis.flushall())))),
  }
}

const newNode = async (folder: string): Promise<ClusterNode> => {
  const busPort = await findFreePort()
  const cluster = ['--cluster-enabled', 'yes', '--cluster-port', String(busPort), '--cluster-node-timeout', '1000']
  const args = (port: number) => [
    ...dataServer(...cluster)(port),
    '--dir',
    folder,
    '--cluster-config-file',
    `${port}.conf`,
  ]
  return { ...(await newRedisServer(args)), busPort }
}

/** The slots are shared out evenly; the first node has the first third. */
const takeSlots = async (node: ClusterNode, index: number): Promise<void> => {
  const from = Math.ceil((index * SLOTS) / MASTERS)
  const to = Math.ceil(((index + 1) * SLOTS) / MASTERS) - 1
  await node.ask(async (redis) => {
    await redis.cluster('ADDSLOTSRANGE', from, to)
    await redis.cluster('SET-CONFIG-EPOCH', index + 1)
  })
}

/** Resolves when every node knows all others and all slots. */
const introduce = async (nodes: ClusterNode[]): Promise<void> => {
  const [first, ...others] = nodes
  await first?.ask(async (redis) => {
    for (const { port, busPort } of others) await redis.call('CLUSTER', 'MEET', '127.0.0.1', port, busPort)
  })
  const checkWhole = async (node: ClusterNode) => {
    const info = await node.ask((redis) => redis.cluster('INFO'))
    if (!info.includes('cluster_state:ok') || !info.includes(`cluster_known_nodes:${nodes.length}`))
      throw new Error(info)
  }
  await Promise.all(nodes.map((node) => vi.waitFor(() => checkWhole(node), PATIENT)))
}

const findHome = async (masters: ClusterNode[]): Promise<ClusterNode> => {
  const slot = await masters[0]?.ask((redis) => redis.cluster('KEYSLOT', '{bull}'))
  const home = masters[Math.floor(((slot ?? 0) * MASTERS) / SLOTS)]
  if (!home) throw new Error('no node')
  return home
}

const follow = async (replica: ClusterNode, home: ClusterNode): Promise<void> => {
  const id = await home.ask((redis) => redis.cluster('MYID'))
  await replica.ask((redis) => redis.cluster('REPLICATE', id))
  const checkSynced = async () => {
    const info = await replica.ask((redis) => redis.info('replication'))
    if (!info.includes('master_link_status:up')) throw new Error(info)
  }
  await vi.waitFor(checkSynced, PATIENT)
}
