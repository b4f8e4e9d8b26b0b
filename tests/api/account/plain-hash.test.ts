import { hashSync as bcryptHashSync } from '@node-rs/bcrypt'
import { beforeAll, describe, expect, test } from 'vitest'
import { createApp } from '../../../src/api/app.ts'
import { createTestApi, createTestTools } from '../../support/api.ts'
import { shareTestDatabase } from '../../support/database.ts'
import { type App, registerAndActivate } from '../api-client.ts'
import { accountRequests } from './requests.ts'

const database = shareTestDatabase()
let app: App
beforeAll(async () => {
  app = await createTestApi(database)
})

const { change, signIn } = accountRequests(() => app)

// Openwall's vector of crypt_blowfish.
const PLAIN = '$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW'

describe('a plain bcrypt hash', () => {
  const give = async (email: string) => {
    const { id } = await registerAndActivate(app, database, email)
    await database.pool.query('update users set password_hash = $2 where id = $1', [id, PLAIN])
    return async () =>
      (await database.pool.query('select password_hash as hash from users where id = $1', [id])).rows[0]?.hash
  }

  test('works at the next sign-in and is replaced by ours', async () => {
    const hash = await give('imported@example.com')
    expect((await signIn('imported@example.com', 'U*V')).status).toBe(401)
    expect(await hash()).toBe(PLAIN)
    expect((await signIn('imported@example.com', 'U*U')).status).toBe(200)
    expect(await hash()).toMatch(/^\$bcrypt-sha256\$v=2,t=2b,r=4\$/)
    expect((await signIn('imported@example.com', 'U*U')).status).toBe(200)
  })

  test('cuts a long password at 72 bytes, as its origin did, until it is replaced', async () => {
    const hash = await give('long@example.com')
    const long = 'é'.repeat(36)
    const cut = bcryptHashSync(long, { cost: 4 })
    await database.pool.query("update users set password_hash = $1 where email = 'long@example.com'", [cut])
    expect((await signIn('long@example.com', 'é'.repeat(35))).status).toBe(401)
    expect((await signIn('long@example.com', `${long} and more`)).status).toBe(200)
    expect(await hash()).toMatch(/^\$bcrypt-sha256\$/)
    // From now on all of it counts, as it was typed.
    expect((await signIn('long@example.com', `${long} and else`)).status).toBe(401)
    expect((await signIn('long@example.com', `${long} and more`)).status).toBe(200)
  })

  test('is replaced once by sign-ins at the same moment, which all succeed', async () => {
    await give('parallel@example.com')
    const answers = await Promise.all(Array.from({ length: 5 }, () => signIn('parallel@example.com', 'U*U')))
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200])
  })

  test('is never put back over a change of password', async () => {
    for (let round = 0; round < 10; round += 1) {
      const email = `upgraded-${round}@example.com`
      await give(email)
      const [changed] = await Promise.all([
        change(email, { password: 'another horse battery' }, 'U*U'),
        signIn(email, 'U*U'),
      ])
      const isChanged = changed.status === 204
      expect((await signIn(email, 'another horse battery')).status).toBe(isChanged ? 200 : 401)
      expect((await signIn(email, 'U*U')).status).toBe(isChanged ? 401 : 200)
    }
  })

  test.each([
    { meanwhile: 'the password was changed', hash: bcryptHashSync('another', { cost: 4 }), status: 401 },
    { meanwhile: 'the account was deleted', hash: null, status: 401 },
    { meanwhile: 'another sign-in replaced it', hash: bcryptHashSync('U*U', { cost: 4 }), status: 200 },
  ])('opens or not by what it is when $meanwhile: $status', async ({ meanwhile, hash, status }) => {
    const email = `${meanwhile.replaceAll(' ', '-')}@example.com`
    const hashNow = await give(email)
    const tools = await createTestTools(database)
    const hashLate: typeof tools.hasher.hash = async (...work) => {
      const made = await tools.hasher.hash(...work)
      if (hash === null) await database.pool.query('delete from users where email = $1', [email])
      else await database.pool.query('update users set password_hash = $2 where email = $1', [email, hash])
      return made
    }
    const api = createApp({ ...tools, hasher: { ...tools.hasher, hash: hashLate } })
    expect((await signIn(email, 'U*U', { api })).status).toBe(status)
    expect(await hashNow()).toBe(hash ?? undefined)
  })
})
