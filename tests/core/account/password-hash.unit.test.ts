import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createPasswordHasher } from '../../../src/core/credentials/password.ts'
import { formatHash, parseHash } from '../../../src/core/credentials/password-hash.ts'

const work = { priority: 'sign-in', signal: new AbortController().signal } as const
const hasher = await createPasswordHasher(4)

const verifyInPerl = (password: string, hash: string) =>
  spawnSync('perl', [join(import.meta.dirname, 'verify-exported-hash.pl'), hash], { input: password }).status
const hasPerl = spawnSync('perl', ['-e', 'exit(crypt("a", q($2b$04$......................)) ? 0 : 1)']).status === 0

// passlib's own test vectors of bcrypt_sha256, version 2.
const VECTORS = [
  ['', '$bcrypt-sha256$v=2,t=2b,r=5$E/e/2AOhqM5W/KJTFQzLce$WFPIZKtDDTriqWwlmRFfHiOTeheAZWe'],
  ['password', '$bcrypt-sha256$v=2,t=2b,r=5$5Hg1DKFqPE8C2aflZ5vVoe$wOK1VFFtS8IGTrGa7.h5fs0u84qyPbS'],
]

describe('our own hash', () => {
  test.each(VECTORS)("verifies passlib's vector for %j", async (password, hash) => {
    expect(await hasher.verify(password, hash, work)).toBe(true)
    expect(await hasher.verify(`${password}x`, hash, work)).toBe(false)
  })

  test.skipIf(!hasPerl)('is verified by another program', async () => {
    const hash = await hasher.hash('cafe\u0301 society', work)
    expect(['café society', 'cafe\u0301 society', 'cafe society'].map((typed) => verifyInPerl(typed, hash))).toEqual([
      0, 0, 1,
    ])
    for (const [password = '', vector = ''] of VECTORS) expect(verifyInPerl(password, vector)).toBe(0)
    expect(verifyInPerl('a', 'no hash')).toBe(2)
  })
})

// Openwall's own vectors of crypt_blowfish.
const U = '$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW'

describe('a plain bcrypt hash', () => {
  test.each(['2a', '2b', '2y'])('of the prefix %s verifies', async (version) => {
    const hash = U.replace('2b', version)
    expect(await hasher.verify('U*U', hash, work)).toBe(true)
    expect(await hasher.verify('U*V', hash, work)).toBe(false)
    expect([parseHash(hash)?.scheme, hasher.isOutdated(hash)]).toEqual(['bcrypt', true])
  })

  test('cuts a password at 72 bytes, as its origin did', async () => {
    const hash = '$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui'
    expect(
      await hasher.verify(`${'0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'}0123456789`, hash, work),
    ).toBe(true)
    expect(
      await hasher.verify(
        '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789chars after 72 are ignored',
        hash,
        work,
      ),
    ).toBe(true)
  })
})

test('a hash is read to its parts, and ours is written from them', () => {
  const salt = 'CCCCCCCCCCCCCCCCCCCCC.'
  const digest = 'E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW'
  expect(parseHash(U)).toEqual({ scheme: 'bcrypt', cost: 5, salt, bcrypt: U })
  for (const cost of ['04', '12', '15']) {
    const plain = U.replace('$05', `$${cost}`)
    const ours = `$bcrypt-sha256$v=2,t=2b,r=${Number(cost)}$${salt}$${digest}`
    expect(formatHash(plain)).toBe(ours)
    expect(parseHash(ours)).toEqual({ scheme: 'latchkey', cost: Number(cost), salt, bcrypt: plain })
  }
})

const [, [, OURS = ''] = []] = VECTORS

test.each([`x${U}`, `x${OURS}`, `${OURS}x`, OURS.replace('r=5', 'r=16'), OURS.replace('r=5', 'r=3')])(
  '%j is no hash either',
  (hash) => {
    expect(parseHash(hash)).toBe(null)
  },
)

test.each(['', 'x', U.slice(0, -1), U.replace('$05', '$03'), U.replace('$05', '$31'), U.replace('2b', '2x'), `${U}\n`])(
  '%j is no hash',
  (hash) => {
    expect(parseHash(hash)).toBe(null)
  },
)

test('a hash of lower cost is outdated, and no other is', async () => {
  const costly = await createPasswordHasher(6)
  for (const hash of [await hasher.hash('a', work), 'no hash']) expect(hasher.isOutdated(hash)).toBe(false)
  expect([costly.isOutdated(await hasher.hash('a', work)), hasher.isOutdated(await costly.hash('a', work))]).toEqual([
    true,
    false,
  ])
  expect(await costly.verify('a', await hasher.hash('a', work), work)).toBe(true)
})
