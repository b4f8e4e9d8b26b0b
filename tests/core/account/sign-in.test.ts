import { beforeAll, beforeEach, expect, test } from 'vitest'
import { changePassword } from '../../../src/core/account/change-password.ts'
import { deleteAccount } from '../../../src/core/account/delete-account.ts'
import { checkSignIn, type SignIn, signIn } from '../../../src/core/account/sign-in.ts'
import type { HashWork } from '../../../src/core/credentials/hashing-queue.ts'
import { createPasswordHasher, type PasswordHasher } from '../../../src/core/credentials/password.ts'
import { type Allowance, UNLIMITED } from '../../../src/core/postgres/rate-limits.ts'
import { shareTestDatabase } from '../../support/database.ts'
import { addActive, useCaseTools } from '../fixtures.ts'

const database = shareTestDatabase()
let hasher: PasswordHasher
let works: HashWork[] = []
beforeAll(async () => {
  const real = await createPasswordHasher(4)
  hasher = {
    ...real,
    hash: (password, work) => {
      works.push(work)
      return real.hash(password, work)
    },
    verify: (password, hash, work) => {
      works.push(work)
      return real.verify(password, hash, work)
    },
  }
})
beforeEach(() => {
  works = []
})

const { signal } = new AbortController()
const WORK: HashWork = { priority: 'sign-in', signal }

// Openwall's vector of crypt_blowfish.
const PLAIN = '$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW'
const PASSWORD = 'U*U'

/** An account with a hash that is to be replaced. */
const addOutdated = async () => {
  const { user } = await addActive(database)
  await database.pool.query('update users set password_hash = $2 where id = $1', [user.id, PLAIN])
  const claim: SignIn = {
    ...{ email: user.email, password: PASSWORD, network: '192.0.2.1', signal },
    logins: { fromAnywhere: UNLIMITED, fromKnownNetwork: UNLIMITED },
  }
  return { user: { ...user, passwordHash: PLAIN }, claim }
}

const toolsOf = () => ({ ...useCaseTools(database), hasher })

const rowOf = async (id: string) => {
  const found = await database.pool.query<{ passwordHash: string }>(
    'select id, email, password_hash as "passwordHash" from users where id = $1',
    [id],
  )
  return found.rows[0]
}

const eventsOf = async (id: string) => {
  const found = await database.pool.query<{ type: string }>('select type from events where user_id = $1', [id])
  return found.rows.map(({ type }) => type)
}

test('what a sign-in gives is the account as it now is, with the hash that replaced an outdated one', async () => {
  const { user, claim } = await addOutdated()
  const owner = await signIn(toolsOf(), claim)
  expect(owner).toEqual(await rowOf(user.id))
  expect(owner?.passwordHash).not.toBe(PLAIN)
  expect(works).toEqual([WORK, WORK])
})

test('who was checked with an outdated hash is remembered with the new one', async () => {
  const { user, claim } = await addOutdated()
  const tools = toolsOf()
  for (let time = 0; time < 2; time += 1) expect(await checkSignIn(tools, claim)).toMatchObject({ id: user.id })
  expect(works).toEqual([WORK, WORK])
})

test('when nothing is left of failed sign-ins no password is hashed', async () => {
  const { claim } = await addOutdated()
  const usedUp: Allowance = {
    ...UNLIMITED,
    refuseUsedUp: () => {
      throw new Error('no sign-ins left')
    },
  }
  const logins = { fromAnywhere: usedUp, fromKnownNetwork: UNLIMITED }
  for (const ask of [signIn, checkSignIn])
    await expect(ask(toolsOf(), { ...claim, logins })).rejects.toThrow('no sign-ins left')
  expect(works).toEqual([])
})

test('who signed in to change something is not remembered', async () => {
  const { claim } = await addOutdated()
  const tools = toolsOf()
  await signIn(tools, claim)
  expect(tools.verified.holds(`${claim.email} ${claim.network}`, PASSWORD)).toBe(false)
})

test('a change of password is hashed as a sign-in is, and told once; with a former hash nothing is changed', async () => {
  const { user: account } = await addOutdated()
  const change = (password: string) => changePassword(toolsOf(), { account, password, signal })
  expect(await change('another horse battery')).toBe('changed')
  const changed = await rowOf(account.id)
  expect(await change('a third horse battery')).toBe('gone')
  expect(await rowOf(account.id)).toEqual(changed)
  expect(await eventsOf(account.id)).toEqual(['user.password-changed'])
  expect(works).toEqual([WORK, WORK])
})

test('a deletion is told once, and with a former hash nothing is deleted', async () => {
  const { user: account } = await addOutdated()
  expect(await deleteAccount(toolsOf(), { ...account, passwordHash: 'a former hash' })).toBe('gone')
  expect([await rowOf(account.id), await eventsOf(account.id)]).toEqual([account, []])
  expect(await deleteAccount(toolsOf(), account)).toBe('deleted')
  expect([await rowOf(account.id), await eventsOf(account.id)]).toEqual([undefined, ['user.deleted']])
})
