import { writeFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { describe, expect, test } from 'vitest'
import { activate, codeOf, deliver, read, register, registerAndActivate, settle } from '../../api/api-client.ts'
import { shareCommand } from './command.ts'

const { database, app, run, account, pathOf, signIn } = shareCommand()

const accountWithEvents = (...args: string[]) => run(args, { WEBHOOK_URL: 'https://app.example.com/events' })

const eventsOf = async (id: string) =>
  (await database.pool.query('select type, data from events where user_id = $1 order by created_at', [id])).rows

const auditOf = async (id: string) =>
  (await database.pool.query('select who, what, why from audit where $1 = any(user_ids) order by id', [id])).rows

test('acts raise the events that the API raises, where somebody is told; export names them, and imports raise none', async () => {
  const told = await register(app(), 'told@example.com')
  const untold = await register(app(), 'untold@example.com')
  expect((await account('activate', untold.id)).code).toBe(0)
  expect((await accountWithEvents('activate', told.id)).code).toBe(0)
  expect(await eventsOf(untold.id)).toEqual([])
  expect(await eventsOf(told.id)).toMatchObject([
    { type: 'user.activated', data: { user: { id: told.id, email: told.email, activatedAt: expect.any(String) } } },
  ])
  const exported = await account('export', told.email)
  expect(JSON.stringify(exported.lines)).toContain('user.activated')
  expect((await accountWithEvents('delete', told.id)).code).toBe(0)
  expect(await eventsOf(told.id)).toEqual([
    { type: 'user.activated', data: { user: { id: told.id } } },
    { type: 'user.deleted', data: { user: { id: told.id } } },
  ])
  const file = pathOf('quiet.ndjson')
  const passwordHash = '$2b$04$abcdefghijklmnopqrstuuW2tFrEmzZ0yBYRBr1dRXUYWWoiXcuWa'
  const line = { email: 'quiet@example.com', activatedAt: '2026-01-01T00:00:00Z', scheme: 'bcrypt', passwordHash }
  await writeFile(file, `${JSON.stringify(line)}\n`)
  expect(JSON.parse((await accountWithEvents('import', file)).out.trim())).toMatchObject({ imported: 1 })
  expect((await database.pool.query("select from events where type = 'user.activated'")).rowCount).toBe(1)
})

describe('an operator', () => {
  test('finds registrations by address, id and reference, and leaves an audit row', async () => {
    const one = await register(app(), 'found@example.com')
    const two = await register(app(), 'found@example.com')
    const byAddress = await account('find', 'Found@Example.com', '--reason', 'asked by found@example.com, ticket 7')
    expect([byAddress.code, byAddress.err]).toEqual([0, ''])
    expect(byAddress.lines.map(({ id }) => id)).toEqual([one.id, two.id])
    expect(byAddress.lines[0]).toMatchObject({ status: 'pending', code: { status: 'queued' } })
    const { rows } = await database.pool.query(
      "select at <= now() and at > now() - interval '1 minute' as now from audit",
    )
    expect(rows).toContainEqual({ now: true })
    for (const wanted of [one.id, one.id.toUpperCase(), one.ref.toLowerCase()])
      expect((await account('find', wanted)).lines).toContainEqual(expect.objectContaining({ id: one.id }))
    expect((await auditOf(one.id))[0]).toEqual({
      who: userInfo().username,
      what: 'find',
      why: 'asked by …@… ticket 7',
    })
  })

  test('is told with one sentence that there is nothing', async () => {
    const answer = await account('find', 'nobody@example.com')
    expect(answer).toMatchObject({ code: 1, out: '' })
    expect(answer.err).toMatch(/^[A-Z][^\n]+\.\n$/)
    const { id } = await register(app(), 'nearly@example.com')
    for (const nearly of [
      `${id}0`,
      `0${id}`,
      id.slice(1),
      id.slice(0, -1),
      id.replace('-', ''),
      id.replaceAll('-', ''),
    ])
      expect(await account('find', nearly)).toEqual(answer)
  })

  test('activates by id, once, and not by an address of two', async () => {
    const one = await register(app(), 'helped@example.com')
    const two = await register(app(), 'helped@example.com')
    expect((await account('activate', 'helped@example.com')).code).toBe(1)
    const done = await account('activate', one.id, '--reason', 'no mail arrives')
    expect([done.code, done.lines]).toEqual([
      0,
      [expect.objectContaining({ id: one.id, status: 'active', code: null })],
    ])
    expect(await signIn('helped@example.com')).toBe(200)
    for (const id of [one.id, two.id]) expect((await account('activate', id)).code).toBe(1)
    expect(await auditOf(one.id)).toEqual([{ who: userInfo().username, what: 'activate', why: 'no mail arrives' }])
    expect(await auditOf(two.id)).toEqual([])
  })

  test('sends another code, and not while the former waits', async () => {
    const user = await register(app(), 'nocode@example.com')
    expect((await account('resend', user.email)).code).toBe(1)
    await settle(database, user, 'accepted')
    expect(await account('resend', user.email)).toMatchObject({ code: 0, lines: [{ id: user.id, status: 'pending' }] })
    await deliver(database, user)
    expect((await activate(app(), user, await codeOf(database, user))).status).toBe(200)
    expect(await account('resend', user.id)).toMatchObject({ code: 1, out: '' })
    expect((await auditOf(user.id)).map(({ what }) => what)).toEqual(['resend'])
  })

  test('acts by a reference as by an id', async () => {
    const user = await register(app(), 'by-ref@example.com')
    await settle(database, user, 'accepted')
    expect(await account('resend', user.ref)).toMatchObject({ code: 0, lines: [{ id: user.id }] })
    expect(await account('activate', user.ref.toLowerCase())).toMatchObject({ code: 0, lines: [{ status: 'active' }] })
    expect(await account('delete', user.ref)).toMatchObject({ code: 0, lines: [{ id: user.id, status: 'deleted' }] })
    expect((await auditOf(user.id)).map(({ what }) => what)).toEqual(['resend', 'activate', 'delete'])
  })

  test('deletes an account, and audit rows hold no address', async () => {
    const user = await registerAndActivate(app(), database, 'forgotten@example.com')
    expect(await account('delete', user.email)).toMatchObject({
      code: 0,
      lines: [{ id: user.id, ref: user.ref, status: 'deleted' }],
    })
    expect((await read(app(), user)).status).toBe(401)
    expect((await account('delete', user.id)).code).toBe(1)
    const kept = await database.pool.query('select audit::text as row from audit')
    expect(kept.rows.map(({ row }) => row).join('\n')).not.toContain('@example')
  })

  test('exports all that is stored about a person but the hash', async () => {
    const user = await registerAndActivate(app(), database, 'mine@example.com')
    await signIn(user.email)
    const { code, lines, out } = await account('export', user.email)
    expect([code, lines]).toEqual([
      0,
      [
        expect.objectContaining({
          ...{ id: user.id, email: user.email, status: 'active', metadata: {}, ref: user.ref },
          codes: [expect.objectContaining({ digits: 4 })],
          mails: [expect.objectContaining({ outcome: 'accepted' })],
          signInNetworks: [{ at: expect.any(String) }],
        }),
      ],
    ])
    expect(out).not.toContain('$bcrypt')
    expect((await account('export', user.id)).code).toBe(1)
  })
})
