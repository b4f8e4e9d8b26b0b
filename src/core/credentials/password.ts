import { createHmac } from 'node:crypto'
import { hash as bcryptHash, verify as bcryptVerify } from '@node-rs/bcrypt'
import { inSpan } from '../process/telemetry/tracing.ts'
import { parseEmailAddress } from './email-address.ts'
import { createHashingQueue, type HashingQueue, type HashWork } from './hashing-queue.ts'
import { isWellKnownPassword } from './well-known-passwords.ts'

const MAX_CODE_POINTS = 256

/** Why a password is not taken, as a sentence for the person; null when it is. `address` is the canonical one, if readable. */
export const findPasswordFault = (password: string, address: string | null, minLength: number): string | null => {
  if (!password.isWellFormed()) return 'is not well-formed Unicode'
  const normal = password.normalize('NFC')
  const length = [...normal].length
  if (length < minLength) return `must have at least ${minLength} characters`
  if (length > MAX_CODE_POINTS) return `must have at most ${MAX_CODE_POINTS} characters`
  if (/\p{Cc}/u.test(normal)) return 'must not contain control characters'
  if (isWellKnownPassword(normal)) return 'is a well-known password'
  if (address !== null && isAddress(password, address)) return 'must not be the e-mail address'
  return null
}

/** Whether a password is the canonical address, in whatever way it was typed. */
export const isAddress = (password: string, address: string): boolean =>
  parseEmailAddress(password.normalize('NFC')) === address

export type PasswordHasher = Pick<HashingQueue, 'checkRoom' | 'waiting'> & {
  hash(password: string, work: HashWork): Promise<string>
  /** Against null it does the same work and gives false: nobody learns from the time that there is no such user. */
  verify(password: string, hash: string | null, work: HashWork): Promise<boolean>
}

/** bcrypt, bounded as `createHashingQueue` tells. */
export const createPasswordHasher = async (cost: number): Promise<PasswordHasher> => {
  const hashDummy = () => bcryptHash(prehash('nobody has this password'), { cost })
  // The first one starts the threads.
  const dummyHash = await hashDummy()
  const begun = performance.now()
  await hashDummy()
  const queue = createHashingQueue(performance.now() - begun)
  // The span has the time that was waited for a thread in it.
  const add = <Result>(work: HashWork, run: () => Promise<Result>) =>
    inSpan('hash', { kind: 'internal' }, () => queue.add(work, run))
  return {
    hash: (password, work) => add(work, () => bcryptHash(prehash(password), { cost })),
    verify: (password, hash, work) =>
      add(work, async () => {
        const isRight = await bcryptVerify(prehash(password), hash ?? dummyHash)
        return isRight && hash !== null
      }),
    checkRoom: queue.checkRoom,
    waiting: queue.waiting,
  }
}

/**
 * bcrypt cuts at 72 bytes, stops at NUL and repeats short keys. So it is given 44 characters that stand for the whole
 * password: base64(HMAC-SHA-256) of its NFC form. The label is no secret; it keeps hashes of other services useless here.
 */
const prehash = (password: string): string =>
  createHmac('sha256', 'latchkey password v1').update(password.normalize('NFC')).digest('base64')
