import { createHmac } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { hash as bcryptHash, verify as bcryptVerify } from '@node-rs/bcrypt'
import PQueue from 'p-queue'
import { inSpan } from '../tracing.ts'
import { parseEmailAddress } from './email-address.ts'
import { wellKnownPasswords } from './well-known-passwords.ts'

const MAX_CODE_POINTS = 256

/** Why a password is not taken, as a sentence for the person; null when it is. `address` is the canonical one, if readable. */
export const findPasswordFault = (password: string, address: string | null, minLength: number): string | null => {
  if (!password.isWellFormed()) return 'is not well-formed Unicode'
  const normal = password.normalize('NFC')
  const length = [...normal].length
  if (length < minLength) return `must have at least ${minLength} characters`
  if (length > MAX_CODE_POINTS) return `must have at most ${MAX_CODE_POINTS} characters`
  if (/\p{Cc}/u.test(normal)) return 'must not contain control characters'
  if (wellKnownPasswords.has(normal.toLowerCase())) return 'is a well-known password'
  if (address !== null && isAddress(password, address)) return 'must not be the e-mail address'
  return null
}

/** Whether a password is the canonical address, in whatever way it was typed. */
export const isAddress = (password: string, address: string): boolean =>
  parseEmailAddress(password.normalize('NFC')) === address

/** Thrown when more hashing is waiting than can be done soon; nothing was started. */
export class HashingOverloaded extends Error {
  override name = 'HashingOverloaded' as const
}

export type HashWork = { priority: 'sign-in' | 'registration'; signal: AbortSignal }

export type PasswordHasher = {
  hash(password: string, work: HashWork): Promise<string>
  /** Against null it does the same work and gives false: nobody learns from the time that there is no such user. */
  verify(password: string, hash: string | null, work: HashWork): Promise<boolean>
  /** How many pieces of work wait for a thread. */
  waiting(): number
}

const MAX_WAIT_MS = 2000
const PRIORITIES = { 'sign-in': 1, registration: 0 }

/**
 * bcrypt, on at most as many threads as there are cores. Work that would wait longer than two seconds is refused at once
 * with `HashingOverloaded`; work whose signal aborts while it waits is dropped and rejects with the signal's reason.
 */
export const createPasswordHasher = async (cost: number): Promise<PasswordHasher> => {
  const queue = new PQueue({ concurrency: availableParallelism() })
  const started = performance.now()
  const dummyHash = await bcryptHash(prehash('nobody has this password'), { cost })
  let workMs = performance.now() - started

  const bounded = async <Result>(work: HashWork, run: () => Promise<Result>): Promise<Result> => {
    if ((queue.size / queue.concurrency) * workMs > MAX_WAIT_MS)
      throw new HashingOverloaded('too much hashing is waiting')
    const timed = async () => {
      const begun = performance.now()
      const result = await run()
      workMs += (performance.now() - begun - workMs) / 10
      return result
    }
    const options = { priority: PRIORITIES[work.priority], signal: work.signal }
    // The span has the time that was waited for a thread in it.
    return inSpan('hash', { kind: 'internal' }, () => queue.add(timed, options))
  }

  return {
    hash: (password, work) => bounded(work, () => bcryptHash(prehash(password), { cost })),
    verify: (password, hash, work) =>
      bounded(work, async () => {
        const isRight = await bcryptVerify(prehash(password), hash ?? dummyHash)
        return isRight && hash !== null
      }),
    waiting: () => queue.size,
  }
}

/**
 * bcrypt cuts at 72 bytes, stops at NUL and repeats short keys. So it is given 44 characters that stand for the whole
 * password: base64(HMAC-SHA-256) of its NFC form. The label is no secret; it keeps hashes of other services useless here.
 */
const prehash = (password: string): string =>
  createHmac('sha256', 'latchkey password v1').update(password.normalize('NFC')).digest('base64')
