import { hashSync as bcryptHashSync } from '@node-rs/bcrypt'
import { beforeAll, describe, expect, test } from 'vitest'
import { createApp } from '../../src/api/app.ts'
import { readUser } from '../support/answers.ts'
import { basic, createTestApi, createTestTools, PASSWORD } from '../support/api.ts'
import { shareTestDatabase } from '../support/database.ts'
import {
  type App,
  activate,
  codeOf,
  count,
  deliver,
  endCooldown,
  expectProblem,
  from,
  read,
  register,
  registerAndActivate,
  resend,
} from './api-client.ts'

const database = shareTestDatabase()
let app: App
beforeAll(async () => {
  app = await createTestApi(database)
})

const ADDRESS = '192.0.2.1'
const signIn = (email: string, password = PASSWORD, { at = ADDRESS, api = app } = {}) =>
  api.request('/v1/account', { headers: { authorization: basic(email, password) } }, from(at))
const remove = (email: string, password = PASSWORD) =>
  app.request('/v1/account', { method: 'DELETE', headers: { authorization: basic(email, password) } })
const change = (email: string, body: unknown, password = PASSWORD) =>
  app.request('/v1/account/password', {
    method: 'PUT',
    headers: { authorization: basic(email, password), 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })

describe('the sign-in check', () => {
  test('gives the active user, however the address was typed', async () => {
    const user = await registerAndActivate(app, database, 'ada@example.com')
    const answer = await signIn('ADA@Example.com')
    expect(answer.status).toBe(200)
    expect(await readUser(answer)).toMatchObject({ id: user.id, status: 'active', code: null })
    expect(
      (await app.request('/v1/account', { method: 'HEAD', headers: { authorization: basic(user.email) } })).status,
    ).toBe(200)
  })

  test('is one 401 for unknown, malformed, pending and wrong', async () => {
    await register(app, 'pending@example.com')
    await registerAndActivate(app, database, 'known@example.com')
    const answers = [
      await signIn('unknown@example.com'),
      await signIn('nobody'),
      await signIn(''),
      await signIn('pending@example.com'),
      await signIn('known@example.com', 'another password'),
    ]
    const problems = []
    for (const answer of answers) {
      const { requestId, ...problem } = await expectProblem(answer, 'unauthenticated')
      problems.push(JSON.stringify(problem))
    }
    expect(new Set(problems).size).toBe(1)
    await expectProblem(await app.request('/v1/account'), 'unauthenticated')
  })

  test('other methods are 405', async () => {
    const answer = await app.request('/v1/account', { method: 'POST' })
    expect([answer.status, answer.headers.get('allow')?.split(', ').toSorted()]).toEqual([
      405,
      ['DELETE', 'GET', 'HEAD'],
    ])
    expect((await app.request('/v1/account/password', { method: 'GET' })).headers.get('allow')).toBe('PUT')
  })
})

describe('the limits of failed sign-ins', () => {
  const fail = async (api: App, email: string, at: string, times: number) => {
    for (let i = 0; i < times; i += 1) await signIn(email, 'another password', { at, api })
  }

  test('count per address and network', async () => {
    const api = await createTestApi(database, { LIMIT_FAILED_LOGINS_PER_USER: '2/1h' })
    await registerAndActivate(app, database, 'limited@example.com')
    await fail(api, 'limited@example.com', '192.0.2.10', 2)
    await expectProblem(await signIn('limited@example.com', PASSWORD, { at: '192.0.2.10', api }), 'too-many-requests')
    expect((await signIn('limited@example.com', PASSWORD, { at: '192.0.2.11', api })).status).toBe(200)
    expect((await signIn('another@example.com', PASSWORD, { at: '192.0.2.10', api })).status).toBe(401)
  })

  test('let a crowd of networks guess ten times as often, and never lock the owner out of his own', async () => {
    const api = await createTestApi(database, { LIMIT_FAILED_LOGINS_PER_USER: '1/1h' })
    await registerAndActivate(app, database, 'hunted@example.com')
    expect((await signIn('hunted@example.com', PASSWORD, { at: '198.51.100.1', api })).status).toBe(200)
    for (let host = 10; host < 20; host += 1) await fail(api, 'hunted@example.com', `203.0.113.${host}`, 1)
    const stranger = await signIn('hunted@example.com', PASSWORD, { at: '203.0.113.30', api })
    await expectProblem(stranger, 'too-many-requests')
    expect((await signIn('hunted@example.com', PASSWORD, { at: '198.51.100.1', api })).status).toBe(200)
    await database.pool.query("update sign_in_networks set at = now() - interval '31 days'")
    expect((await signIn('hunted@example.com', PASSWORD, { at: '198.51.100.1', api })).status).toBe(429)
  })

  test('refuse an unknown address as they do a known one', async () => {
    const api = await createTestApi(database, { LIMIT_FAILED_LOGINS_PER_USER: '1/1h' })
    for (let host = 10; host < 20; host += 1) await fail(api, 'no-one@example.com', `203.0.113.${host}`, 1)
    expect((await signIn('no-one@example.com', PASSWORD, { at: '203.0.113.31', api })).status).toBe(429)
  })

  test('count per network over all addresses', async () => {
    const api = await createTestApi(database, { LIMIT_FAILED_LOGINS_PER_NET: '3/1h' })
    for (const name of ['a', 'b', 'c']) await fail(api, `${name}@example.com`, '192.0.2.77', 1)
    expect((await signIn('d@example.com', PASSWORD, { at: '192.0.2.77', api })).status).toBe(429)
  })

  test('remember twenty networks of an owner at most, as keyed digests', async () => {
    const { id } = await registerAndActivate(app, database, 'traveller@example.com')
    for (let host = 1; host <= 25; host += 1)
      await signIn('traveller@example.com', PASSWORD, { at: `198.51.100.${host}` })
    const kept = await database.pool.query(
      'select octet_length(network_key) as size from sign_in_networks where user_id = $1',
      [id],
    )
    expect(kept.rows).toEqual(Array.from({ length: 20 }, () => ({ size: 32 })))
  })
})

describe('a change of password', () => {
  test('answers 204, and the old one is dead at once, in another process too', async () => {
    const other = await createTestApi(database)
    const user = await registerAndActivate(app, database, 'changed@example.com')
    expect((await signIn(user.email, PASSWORD, { api: other })).status).toBe(200)
    expect((await read(other, user)).status).toBe(200)
    const answer = await change(user.email, { password: 'another horse battery' })
    expect([answer.status, await answer.text(), answer.headers.get('content-type')]).toEqual([204, '', null])
    expect((await signIn(user.email, PASSWORD, { api: other })).status).toBe(401)
    expect((await read(other, user)).status).toBe(401)
    expect((await signIn(user.email, 'another horse battery', { api: other })).status).toBe(200)
  })

  test.each([
    [{ password: 'short' }, '#/password'],
    [{ password: 'password123' }, '#/password'],
    [{ password: 'Picky@Example.com' }, '#/password'],
    [{ password: 'a'.repeat(257) }, '#/password'],
    [{}, '#/password'],
    [{ password: 'another horse battery', email: 'x@example.com' }, '#/email'],
  ])('is validated as a registration is: %j', async (body, pointer) => {
    await database.pool.query("delete from users where email = 'picky@example.com'")
    await registerAndActivate(app, database, 'picky@example.com')
    const problem = await expectProblem(await change('picky@example.com', body), 'invalid-input')
    expect(problem.errors).toEqual([{ pointer, detail: expect.any(String) }])
    expect((await signIn('picky@example.com')).status).toBe(200)
  })

  test('needs JSON and the old password', async () => {
    await registerAndActivate(app, database, 'strict@example.com')
    const headers = { authorization: basic('strict@example.com') }
    await expectProblem(
      await app.request('/v1/account/password', { method: 'PUT', headers, body: 'x' }),
      'unsupported-media-type',
    )
    await expectProblem(
      await change('strict@example.com', { password: 'another horse battery' }, 'wrong one'),
      'unauthenticated',
    )
  })

  test('leaves other registrations of the address as they are', async () => {
    const other = await register(app, 'both@example.com', 'a password of its own')
    await registerAndActivate(app, database, 'both@example.com')
    const rowOf = async () => (await database.pool.query('select * from users where id = $1', [other.id])).rows
    const before = await rowOf()
    expect((await change('both@example.com', { password: 'another horse battery' })).status).toBe(204)
    expect(await rowOf()).toEqual(before)
    expect((await read(app, other, 'a password of its own')).status).toBe(200)
  })

  test('of two at once one wins', async () => {
    await registerAndActivate(app, database, 'twice@example.com')
    const passwords = ['first horse battery', 'second horse battery']
    const answers = await Promise.all(passwords.map((password) => change('twice@example.com', { password })))
    expect(answers.map(({ status }) => status).toSorted()).toEqual([204, 401])
    const signIns = await Promise.all(passwords.map((password) => signIn('twice@example.com', password)))
    expect(signIns.map(({ status }) => status)).toEqual(answers.map(({ status }) => (status === 204 ? 200 : 401)))
  })
})

describe('a deletion', () => {
  test('takes the account with its mails, codes and networks, and leaves other registrations to be activated', async () => {
    const other = await register(app, 'gone@example.com')
    const user = await registerAndActivate(app, database, 'gone@example.com')
    await signIn(user.email)
    const before = [await count(database, 'users'), await count(database, 'mails')]
    const answer = await remove(user.email)
    expect([answer.status, await answer.text()]).toEqual([204, ''])
    expect([await count(database, 'users'), await count(database, 'mails')]).toEqual(before.map((n) => Number(n) - 1))
    const left = await database.pool.query('select from sign_in_networks where user_id = $1', [user.id])
    expect(left.rowCount).toBe(0)
    expect((await signIn(user.email)).status).toBe(401)
    expect((await read(app, user)).status).toBe(401)
    await deliver(database, other)
    expect((await activate(app, other, await codeOf(database, other))).status).toBe(200)
    expect((await signIn(user.email)).status).toBe(200)
  })

  test('frees the idempotency key', async () => {
    const headers = { 'content-type': 'application/json', 'idempotency-key': 'a key of its own'.replaceAll(' ', '-') }
    const send = (email: string) =>
      app.request('/v1/users', { method: 'POST', headers, body: JSON.stringify({ email, password: PASSWORD }) })
    const user = await readUser(await send('keyed@example.com'))
    await deliver(database, user)
    await activate(app, user, await codeOf(database, user))
    expect((await send('other-keyed@example.com')).status).toBe(422)
    expect((await remove(user.email)).status).toBe(204)
    expect((await send('other-keyed@example.com')).status).toBe(202)
  })

  test('lets another registration that was told of the account ask for a code', async () => {
    const user = await registerAndActivate(app, database, 'again@example.com')
    const late = await register(app, user.email)
    await remove(user.email)
    await endCooldown(database, late)
    await database.pool.query("update mails set settled_at = now(), outcome = 'accepted' where user_id = $1", [late.id])
    expect((await resend(app, late)).status).toBe(202)
    await deliver(database, late)
    expect((await activate(app, late, await codeOf(database, late))).status).toBe(200)
  })

  test('against changes, sign-ins and another deletion at once leaves no half', async () => {
    const email = 'raced@example.com'
    await registerAndActivate(app, database, email)
    const [removed, changed, ...others] = await Promise.all([
      remove(email),
      change(email, { password: 'another horse battery' }),
      signIn(email),
      remove(email),
    ])
    const done = [removed, changed, others[1]].filter((answer) => answer?.status === 204)
    expect(done.length).toBe(1)
    expect((await database.pool.query('select from users where email = $1', [email])).rowCount).toBe(
      changed?.status === 204 ? 1 : 0,
    )
  })
})

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
