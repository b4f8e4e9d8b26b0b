import { mkdtemp, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const IN_MEMORY = '/dev/shm'
const ENOUGH_BYTES = 4 * 1024 ** 3

/** A new folder in memory, where there is room: PostgreSQL copies a database there in 15 ms instead of 130. Containers give 64 MB as a rule. */
export const makeFastFolder = async (prefix: string): Promise<string> => {
  const found = await statfs(IN_MEMORY).catch(() => null)
  const hasRoom = found !== null && found.bavail * found.bsize >= ENOUGH_BYTES
  return mkdtemp(join(hasRoom ? IN_MEMORY : tmpdir(), prefix))
}
