import { writeFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { registerAndActivate } from '../../api/api-client.ts'
import { shareCommand } from './command.ts'

const { database, app, account, pathOf, signIn } = shareCommand()

const PLAIN = '$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW'
const line = (given: object) =>
  JSON.stringify({ activatedAt: '2020-01-02T03:04:05Z', passwordHash: PLAIN, scheme: 'bcrypt', ...given })

test('accounts move in and out: faulty lines are named, and a second run changes nothing', async () => {
  await registerAndActivate(app(), database, 'already@example.com')
  const file = pathOf('accounts.ndjson')
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
  expect(await account('import', pathOf(name))).toMatchObject({
    code: 1,
    out: '',
    err: 'The file cannot be read.\n',
  })
})

test('whatever a line holds, the others are imported', async () => {
  const file = pathOf('odd.ndjson')
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
