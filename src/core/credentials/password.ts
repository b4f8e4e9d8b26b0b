import { hash as bcryptHash, verify as bcryptVerify, genSaltSync } from '@node-rs/bcrypt'
import { inSpan } from '../process/telemetry/tracing.ts'
import { parseEmailAddress } from './email-address.ts'
import { createHashingQueue, type HashingQueue, type HashWork } from './hashing-queue.ts'
import { formatHash, keyOf, type PasswordHash, parseHash } from './password-hash.ts'
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
  /**
   * Against null it does the same work and gives false: nobody learns from the time that there is no such user. A hash of lower cost
   * is given the work that is missing.
   */
  verify(password: string, hash: string | null, work: HashWork): Promise<boolean>
  /** Whether it is to be replaced when its password is there: it is a plain one, or of lower cost. */
  isOutdated(hash: string): boolean
}

/** bcrypt, bounded as `createHashingQueue` tells. */
export const createPasswordHasher = async (cost: number): Promise<PasswordHasher> => {
  const hashDummy = () => hashPassword('nobody has this password', cost)
  // The first one starts the threads.
  const dummy = parseHash(await hashDummy())
  if (dummy === null) throw new Error('BCRYPT_COST is out of range')
  const begun = performance.now()
  await hashDummy()
  const queue = createHashingQueue(performance.now() - begun)
  // The span has the time that was waited for a thread in it.
  const add = <Result>(work: HashWork, run: () => Promise<Result>) =>
    inSpan('hash', { kind: 'internal' }, () => queue.add(work, run))
  return {
    hash: (password, work) => add(work, () => hashPassword(password, cost)),
    verify: (password, hash, work) =>
      add(work, async () => {
        const stored = hash === null ? null : parseHash(hash)
        const isRight = await verifyPassword(password, stored ?? dummy, cost)
        return isRight && stored !== null
      }),
    isOutdated: (hash) => {
      const parsed = parseHash(hash)
      return parsed !== null && (parsed.scheme === 'bcrypt' || parsed.cost < cost)
    },
    checkRoom: queue.checkRoom,
    waiting: queue.waiting,
  }
}

const hashPassword = async (password: string, cost: number): Promise<string> => {
  const setting = genSaltSync({ cost, version: '2b' })
  const salt = setting.slice('$2b$12$'.length)
  return formatHash(await bcryptHash(keyOf(password, { scheme: 'latchkey', salt }), { salt: setting }))
}

const verifyPassword = async (password: string, hash: PasswordHash, cost: number): Promise<boolean> => {
  const key = keyOf(password, hash)
  const isRight = await bcryptVerify(key, hash.bcrypt)
  // Of cost c a hash takes 2^c rounds: these and one each of c, c + 1, … make 2^cost.
  for (let missing = hash.cost; missing < cost; missing += 1) await bcryptVerify(key, atCost(hash.bcrypt, missing))
  return isRight
}

const atCost = (bcrypt: string, cost: number): string =>
  `$2b$${String(cost).padStart(2, '0')}${bcrypt.slice('$2b$12'.length)}`
