import type pg from 'pg'

type Inside = { connection?: { stream?: { cork?(): void; uncork?(): void } } }

/** What is asked of this connection until the current tick ends leaves in one packet, and so is one round trip on the wire as well. */
export const inOnePacket = (client: pg.PoolClient & Inside): void => {
  const stream = client.connection?.stream
  if (!stream?.cork) return
  stream.cork()
  process.nextTick(() => stream.uncork?.())
}
