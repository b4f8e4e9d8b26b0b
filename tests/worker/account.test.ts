import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runAccount } from '../../src/worker/run-account.ts'
import { type App, activate, codeOf, deliver, read, register, registerAndActivate, settle } from '../api/api-client.ts'
import { basic, createTestApi } from '../support/api.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { SECRET_KEY } from '../support/secret-key.ts'
import { runScript } from './spawn-program.ts'

let database: TestDatabase
let app: App
let folder: string

beforeAll(async () => {
  database = await createTestDatabase()
  app = await createTestApi(database)
  folder = await mkdtemp(join(tmpdir(), 'latchkey-account-'))
})
afterAll(async () => {
  await rm(folder, { recursive: true })
  await database.drop()
})

/** The command, run in this process. */
const run = async (args: string[], environment: NodeJS.ProcessEnv = {}) => {
  const chunks: Buffer[] = []
  const out = new PassThrough().on('data', (chunk) => chunks.push(chunk))
  let err = ''
  const tell = (sentence: string) => {
    err += `${sentence}\n`
  }
  const code = await runAccount(args, { DATABASE_URL: database.url, SECRET_KEY, ...environment }, { out, tell })
  return { code, out: Buffer.concat(chunks).toString('utf8'), err }
}

const account = async (...args: string[]) => {
  const { code, out, err } = await run(args)
  const lines: Record<string, unknown>[] = out
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
  return { code, lines, err, out }
}

const accountWithEvents = (...args: string[]) => run(args, { WEBHOOK_URL: 'https://app.example.com/events' })

const eventsOf = async (id: string) =>
  (await database.pool.query('select type, data from events where user_id = $1 order by created_at', [id])).rows

const auditOf = async (id: string) =>
  (await database.pool.query('select who, what, why from audit where $1 = any(user_ids) order by id', [id])).rows
const signIn = async (email: string, password?: string) =>
  (await app.request('/v1/account', { headers: { authorization: basic(email, password) } })).status

test.each([
  [[]],
  [['find']],
  [['dance', 'x']],
  [['find', 'a', 'b']],
  [['export', '--all', 'x']],
  [['find', 'x', '--force']],
])('wrong usage ends with 2: %j', async (args) => {
  const { code, out, err } = await runScript('src/worker/account.ts', args, { DATABASE_URL: database.url, SECRET_KEY })
  expect([code, out]).toEqual([2, ''])
  expect(err).toContain('node src/worker/account.ts')
})

test('acts raise the events that the API raises, where somebody is told; export names them, and imports raise none', async () => {
  const told = await register(app, 'told@example.com')
  const untold = await register(app, 'untold@example.com')
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
  const file = join(folder, 'quiet.ndjson')
  const passwordHash = '$2b$04$abcdefghijklmnopqrstuuW2tFrEmzZ0yBYRBr1dRXUYWWoiXcuWa'
  const line = { email: 'quiet@example.com', activatedAt: '2026-01-01T00:00:00Z', scheme: 'bcrypt', passwordHash }
  await writeFile(file, `${JSON.stringify(line)}\n`)
  expect(JSON.parse((await accountWithEvents('import', file)).out.trim())).toMatchObject({ imported: 1 })
  expect((await database.pool.query("select from events where type = 'user.activated'")).rowCount).toBe(1)
})

describe('an operator', () => {
  test('finds registrations by address, id and reference, and leaves an audit row', async () => {
    const one = await register(app, 'found@example.com')
    const two = await register(app, 'found@example.com')
    const byAddress = await account('find', 'Found@Example.com', '--reason', 'asked by found@example.com, ticket 7')
    expect([byAddress.code, byAddress.err]).toEqual([0, ''])
    expect(byAddress.lines.map(({ id }) => id)).toEqual([one.id, two.id])
    expect(byAddress.lines[0]).toMatchObject({ status: 'pending', code: { status: 'queued' } })
    const { rows } = await database.pool.query(
      "select at <= now() and at > now() - interval '1 minute' as now from audit",
    )
    expect(rows).toContainEqual({ now: true })
    for (const wanted of [one.id, one.ref.toLowerCase()])
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
  })

  test('activates by id, once, and not by an address of two', async () => {
    const one = await register(app, 'helped@example.com')
    const two = await register(app, 'helped@example.com')
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
    const user = await register(app, 'nocode@example.com')
    expect((await account('resend', user.email)).code).toBe(1)
    await settle(database, user, 'accepted')
    expect(await account('resend', user.email)).toMatchObject({ code: 0, lines: [{ id: user.id, status: 'pending' }] })
    await deliver(database, user)
    expect((await activate(app, user, await codeOf(database, user))).status).toBe(200)
    expect(await account('resend', user.id)).toMatchObject({ code: 1, out: '' })
    expect((await auditOf(user.id)).map(({ what }) => what)).toEqual(['resend'])
  })

  test('acts by a reference as by an id', async () => {
    const user = await register(app, 'by-ref@example.com')
    await settle(database, user, 'accepted')
    expect(await account('resend', user.ref)).toMatchObject({ code: 0, lines: [{ id: user.id }] })
    expect(await account('activate', user.ref.toLowerCase())).toMatchObject({ code: 0, lines: [{ status: 'active' }] })
    expect(await account('delete', user.ref)).toMatchObject({ code: 0, lines: [{ id: user.id, status: 'deleted' }] })
    expect((await auditOf(user.id)).map(({ what }) => what)).toEqual(['resend', 'activate', 'delete'])
  })

  test('deletes an account, and audit rows hold no address', async () => {
    const user = await registerAndActivate(app, database, 'forgotten@example.com')
    expect(await account('delete', user.email)).toMatchObject({
      code: 0,
      lines: [{ id: user.id, ref: user.ref, status: 'deleted' }],
    })
    expect((await read(app, user)).status).toBe(401)
    expect((await account('delete', user.id)).code).toBe(1)
    const kept = await database.pool.query('select audit::text as row from audit')
    expect(kept.rows.map(({ row }) => row).join('\n')).not.toContain('@example')
  })

  test('exports all that is stored about a person but the hash', async () => {
    const user = await registerAndActivate(app, database, 'mine@example.com')
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

const PLAIN = '$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW'
const line = (given: object) =>
  JSON.stringify({ activatedAt: '2020-01-02T03:04:05Z', passwordHash: PLAIN, scheme: 'bcrypt', ...given })

test('accounts move in and out: faulty lines are named, and a second run changes nothing', async () => {
  await registerAndActivate(app, database, 'already@example.com')
  const file = join(folder, 'accounts.ndjson')
  const faulty = [
    'no json',
    '[]',
    line({ email: 'x@example.com', activatedAt: null }),
    line({ email: 'x' }),
    line({ email: 'x@example.com', scheme: 'latchkey' }),
    line({ email: 'x@example.com', passwordHash: 'secret' }),
    line({ email: 'x@example.com', metadata: [] }),
    line({ email: 'x@example.com', admin: true }),
  ]
  const good = [
    line({ email: 'IN@Example.com', locale: 'de-AT', metadata: { plan: 'free' } }),
    line({ email: 'in@example.com' }),
    line({ email: 'already@example.com' }),
  ]
  await writeFile(file, [...faulty, ...good, ''].join('\n'))
  const first = await account('import', file)
  expect(first.code).toBe(0)
  expect(first.lines.at(-1)).toEqual({ lines: 11, imported: 1, alreadyActive: 2, faulty: 8 })
  expect(
    first.err
      .trim()
      .split('\n')
      .map((text) => /^line (\d+): \S/.exec(text)?.[1]),
  ).toEqual(faulty.map((_, i) => String(i + 1)))
  expect(first.err).not.toContain('secret')
  expect((await account('import', file)).lines.at(-1)).toEqual({ lines: 11, imported: 0, alreadyActive: 3, faulty: 8 })

  const exported = async () => (await account('export', '--all')).lines.find(({ email }) => email === 'in@example.com')
  expect(await exported()).toEqual({
    ...{ email: 'in@example.com', activatedAt: '2020-01-02T03:04:05.000Z', passwordHash: PLAIN, scheme: 'bcrypt' },
    ...{ locale: 'de', metadata: { plan: 'free' } },
  })
  expect(await signIn('in@example.com', 'U*U')).toBe(200)
  const ours = await exported()
  expect(ours).toMatchObject({ scheme: 'latchkey', passwordHash: expect.stringMatching(/^\$bcrypt-sha256\$v=2/) })

  await account('delete', 'in@example.com')
  await writeFile(file, `${JSON.stringify(ours)}\n`)
  expect((await account('import', file)).lines.at(-1)).toMatchObject({ imported: 1 })
  expect(await signIn('in@example.com', 'U*U')).toBe(200)
})

test.each(['nothing', '.'])('a file that is none, %j, is one sentence', async (name) => {
  expect(await account('import', join(folder, name))).toMatchObject({
    code: 1,
    out: '',
    err: 'The file cannot be read.\n',
  })
})

test('whatever a line holds, the others are imported', async () => {
  const file = join(folder, 'odd.ndjson')
  const person = (name: string, given: object = {}) => line({ email: `${name}@example.com`, ...given })
  const faulty = [
    person('year-0', { activatedAt: '0000-01-01T00:00:00Z' }),
    person('before-1970', { activatedAt: '1969-12-31T23:59:59Z' }),
    person('no-month', { activatedAt: '2020-13-01T00:00:00Z' }),
    person('twice').replace('{', '{"email":"first@example.com",'),
    person('twice-within', { metadata: { a: 1 } }).replace('{"a":1}', '{"a":1,"\\u0061":2}'),
    person('large', { metadata: { n: 0 } }).replace('"n":0', '"n":12345678901234567890'),
    person('nul', { metadata: { s: '\0' } }),
    person('surrogate', { metadata: { s: '\ud800' } }),
  ]
  // As if two files that each begin with a byte order mark were put together.
  const good = [`\uFEFF${person('odd-first')}`, `\uFEFF${person('odd-last')}\r`]
  await writeFile(file, [good[0], ...faulty, good[1], ''].join('\n'))
  const { code, lines, err } = await account('import', file)
  expect([code, lines.at(-1)]).toEqual([0, { lines: 10, imported: 2, alreadyActive: 0, faulty: 8 }])
  expect(err.trim().split('\n')).toEqual(faulty.map((_, index) => expect.stringMatching(`^line ${index + 2}: \\S`)))
  expect(await signIn('odd-last@example.com', 'U*U')).toBe(200)
})

test.each(['find piped@example.com', 'export --all'])('who reads %s may go before the end', async (command) => {
  await register(app, 'piped@example.com')
  const countAudit = async () => (await database.pool.query('select from audit')).rowCount ?? 0
  const before = await countAudit()
  const piped = spawn('sh', ['-c', `"$0" src/worker/account.ts ${command} | true`, process.execPath], {
    env: { ...process.env, DATABASE_URL: database.url, SECRET_KEY },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let err = ''
  piped.stderr.on('data', (chunk) => {
    err += chunk
  })
  await once(piped, 'close')
  expect(err).toBe('')
  expect(await countAudit()).toBe(before + 1)
})
