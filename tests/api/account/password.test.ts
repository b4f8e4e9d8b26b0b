import { beforeAll, describe, expect, test } from 'vitest'
import { basic, createTestApi, PASSWORD } from '../../support/api.ts'
import { shareTestDatabase } from '../../support/database.ts'
import { type App, expectProblem, read, register, registerAndActivate } from '../api-client.ts'
import { accountRequests } from './requests.ts'

const database = shareTestDatabase()
let app: App
beforeAll(async () => {
  app = await createTestApi(database)
})

const { change, signIn } = accountRequests(() => app)

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
