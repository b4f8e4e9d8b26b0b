import { beforeAll, beforeEach, expect, test } from 'vitest'
import { type App, activate, read, registerAndActivate, registerAndDeliver } from '../api/api-client.ts'
import { basic, createTestApi, PASSWORD, post } from '../support/api.ts'
import { shareTestDatabase } from '../support/database.ts'

const NEW_PASSWORD = 'another horse battery'
const URL = 'https://app.example.com/events'

const database = shareTestDatabase()
let app: App
beforeAll(async () => {
  app = await createTestApi(database, { WEBHOOK_URL: URL })
  await database.pool.query(
    `create function refuse() returns trigger language plpgsql as $$ begin raise 'no event today'; end $$`,
  )
})
beforeEach(() => database.pool.query('drop trigger if exists refuse on events'))

const refuseEvents = () =>
  database.pool.query('create trigger refuse before insert on events for each row execute function refuse()')
const signIn = async (email: string, password = PASSWORD) =>
  (await app.request('/v1/account', { headers: { authorization: basic(email, password) } })).status
const typesOf = async (id: string) =>
  (await database.pool.query('select type from events where user_id = $1 order by created_at', [id])).rows.map(
    ({ type }) => type,
  )

test('an activation whose event cannot be written is none, and its code works afterwards', async () => {
  const user = await registerAndDeliver(app, database, 'activated@example.com')
  await refuseEvents()
  expect((await activate(app, user, user.code)).status).toBe(500)
  expect(await (await read(app, user)).json()).toMatchObject({ status: 'pending' })
  await database.pool.query('drop trigger refuse on events')
  expect((await activate(app, user, user.code)).status).toBe(200)
  expect(await typesOf(user.id)).toEqual(['user.activated'])
})

test('a change of password whose event cannot be written is none', async () => {
  const user = await registerAndActivate(app, database, 'changed@example.com')
  await refuseEvents()
  const body = post({ password: NEW_PASSWORD }, { authorization: basic(user.email) })
  expect((await app.request('/v1/account/password', { ...body, method: 'PUT' })).status).toBe(500)
  expect([await signIn(user.email), await signIn(user.email, NEW_PASSWORD)]).toEqual([200, 401])
})

test('a deletion whose event cannot be written is none: nothing of the account is gone', async () => {
  const user = await registerAndActivate(app, database, 'deleted@example.com')
  const rowsOf = async () =>
    (
      await database.pool.query(
        `select (select count(*) from users where id = $1) as users, (select count(*) from mails where user_id = $1) as mails,
           (select count(*) from codes where user_id = $1) as codes, (select data::text from events where user_id = $1) as data`,
        [user.id],
      )
    ).rows
  const before = await rowsOf()
  await refuseEvents()
  const headers = { authorization: basic(user.email) }
  expect((await app.request('/v1/account', { method: 'DELETE', headers })).status).toBe(500)
  expect(await rowsOf()).toEqual(before)
  expect(await signIn(user.email)).toBe(200)
})
