import { afterEach, describe, expect, test } from 'vitest'
import { readUser } from '../../support/answers.ts'
import { basic, createTestApi, PASSWORD, post } from '../../support/api.ts'
import { shareTestDatabase } from '../../support/database.ts'
import { deliver, endCooldown, expectProblem, from, registerAndActivate, statusesInOrder } from '../api-client.ts'
import { send } from './send.ts'

const database = shareTestDatabase()
afterEach(async () => void (await database.pool.query('delete from rate_limits; delete from users')))

/** The id of the request is its own. */
const readAll = async (answer: Response) => ({
  status: answer.status,
  headers: answer.headers,
  body: (await answer.text()).replace(/"requestId":"[^"]*"/, ''),
})

describe('mails of a mailbox', () => {
  test('are limited whatever the network, tags and Gmail dots', async () => {
    const app = await createTestApi(database, { LIMIT_MAILS_PER_MAILBOX: '2/1h' })
    const emails = ['a.da@gmail.com', 'ada+x@googlemail.com', 'AD.A@gmail.com', 'grace@gmail.com']
    const answers = []
    for (const [index, email] of emails.entries()) answers.push(await send(app, email, `192.0.2.${index}`))
    expect(answers.map(({ status }) => status)).toEqual([202, 202, 429, 202])
    for (const answer of answers.filter(({ status }) => status === 429))
      await expectProblem(answer, 'too-many-requests')
  })

  test('are 8 an hour unless told otherwise, and 4 of them for a network', async () => {
    const app = await createTestApi(database, { LIMIT_MAILS_PER_MAILBOX: '' })
    expect(await statusesInOrder(5, () => send(app))).toEqual([...Array(4).fill(202), 429])
    const fromAnother = () => send(app, 'ada@example.com', '192.0.2.2')
    expect(await statusesInOrder(5, fromAnother)).toEqual([...Array(4).fill(202), 429])
    expect((await send(app, 'ada@example.com', '192.0.2.3')).status).toBe(429)
  })

  test.each([
    { limit: '3/1h', half: 2 },
    { limit: '1/1h', half: 1 },
  ])(
    'of $limit one network may cause $half, whatever it writes, and the person still gets one',
    async ({ limit, half }) => {
      const app = await createTestApi(database, { LIMIT_MAILS_PER_MAILBOX: limit })
      const aliases = ['ada@gmail.com', 'a.da@gmail.com', 'ada+x@googlemail.com']
      const answers = []
      for (const email of aliases) answers.push(await send(app, email, '2001:db8::1'))
      expect(answers.filter(({ status }) => status === 202)).toHaveLength(half)
      const refused = await send(app, 'ada@gmail.com', '2001:db8::2')
      expect(refused.headers.get('ratelimit-policy')).toBe(`"mails-per-mailbox-and-net-3600s";q=${half};w=3600`)
      await expectProblem(refused, 'too-many-requests')
      expect((await send(app, 'ada@gmail.com', '192.0.2.7')).status).toBe(limit === '1/1h' ? 429 : 202)
      expect((await send(app, 'ada@gmail.com', '192.0.2.8')).status).toBe(429)
      // What the network asks for other people is not touched.
      expect((await send(app, 'grace@gmail.com', '2001:db8::1')).status).toBe(202)
    },
  )

  test('by resends of one network leave the rest to others', async () => {
    const app = await createTestApi(database, { LIMIT_MAILS_PER_MAILBOX: '4/1h' })
    const stranger = from('192.0.2.66')
    const user = await readUser(
      await app.request('/v1/users', post({ email: 'ada@example.com', password: PASSWORD }), stranger),
    )
    const again = async () => {
      await deliver(database, user)
      await endCooldown(database, user)
      const headers = { authorization: basic(user.email) }
      return app.request(`/v1/users/${user.id}/codes`, { method: 'POST', headers }, stranger)
    }
    expect(await statusesInOrder(3, again)).toEqual([202, 429, 429])
    expect(await statusesInOrder(3, () => send(app))).toEqual([202, 202, 429])
  })

  test('are refused alike whether the address is known or not', async () => {
    const app = await createTestApi(database, { LIMIT_MAILS_PER_MAILBOX: '2/1h' })
    await registerAndActivate(app, database, 'known@example.com')
    await database.pool.query('delete from rate_limits')
    const refusalOf = async (email: string) => {
      await send(app, email)
      const { status, headers, body } = await readAll(await send(app, email))
      return { status, body, names: [...headers.keys()], policy: headers.get('ratelimit-policy') }
    }
    const known = await refusalOf('known@example.com')
    expect(known.status).toBe(429)
    expect(known).toEqual(await refusalOf('unknown@example.com'))
  })
})
