import { beforeAll, test } from 'vitest'
import { createApp } from '../../src/api/app.ts'
import { basic, createTestTools, post } from '../support/api.ts'
import { shareTestDatabase } from '../support/database.ts'
import { type App, expectProblem, registerAndActivate, registerAndDeliver } from './api-client.ts'

const database = shareTestDatabase()
let app: App
let removing: App
beforeAll(async () => {
  const tools = await createTestTools(database)
  const { hasher } = tools
  app = createApp(tools)
  const verify: typeof hasher.verify = async (...work) => {
    const isRight = await hasher.verify(...work)
    await database.pool.query('delete from users')
    return isRight
  }
  removing = createApp({ ...tools, hasher: { ...hasher, verify } })
})

test.each([
  { method: 'GET', path: '' },
  { method: 'POST', path: '/codes' },
  { method: 'POST', path: '/activation' },
])(
  'a registration that goes while its password is looked at for $method $path is one that is not there',
  async ({ method, path }) => {
    const { id, email, code } = await registerAndDeliver(app, database, 'goes@example.com')
    const authorization = basic(email)
    const sent = method === 'GET' ? { headers: { authorization } } : post({ code }, { authorization })
    await expectProblem(await removing.request(`/v1/users/${id}${path}`, sent), 'unauthenticated')
  },
)

test.each([
  { method: 'DELETE', path: '' },
  { method: 'PUT', path: '/password' },
])(
  'an account that goes while its password is looked at for $method $path is one that is not there',
  async ({ method, path }) => {
    const { email } = await registerAndActivate(app, database, 'goes@example.com')
    const sent = post({ password: 'another horse battery' }, { authorization: basic(email) })
    await expectProblem(await removing.request(`/v1/account${path}`, { ...sent, method }), 'unauthenticated')
  },
)
