import { beforeAll, describe, expect, test } from 'vitest'
import { readUser } from '../../support/answers.ts'
import { createTestApi, PASSWORD } from '../../support/api.ts'
import { shareTestDatabase } from '../../support/database.ts'
import {
  type App,
  activate,
  codeOf,
  count,
  deliver,
  endCooldown,
  read,
  register,
  registerAndActivate,
  resend,
} from '../api-client.ts'
import { accountRequests } from './requests.ts'

const database = shareTestDatabase()
let app: App
beforeAll(async () => {
  app = await createTestApi(database)
})

const { change, remove, signIn } = accountRequests(() => app)

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
