import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { otherThan } from '../api/api-client.ts'
import { readUser } from '../support/answers.ts'
import { basic, PASSWORD, post } from '../support/api.ts'
import { untilServed } from '../support/until-served.ts'
import { countsOf, guessesAt, wordOf } from './guesses.ts'
import { type Service, startService } from './service.ts'

let service: Service
beforeAll(async () => {
  service = await startService({ apis: 2, hasWorker: true, environment: { TRUSTED_PROXIES: '127.0.0.1' } })
})
// What is guessed at one mailbox counts for the whole service too.
beforeEach(() => service.database.pool.query('delete from guesses'))
afterAll(() => service.close())

const { attemptsLeft, attemptsOf, exhaust, guess, spread } = guessesAt(() => service)

describe('one code', () => {
  test('1000 parallel guesses over two apis spend exactly 3 attempts', async () => {
    const ada = await service.registerWithCode('thousand@example.com')
    const wrong = Array.from({ length: 1000 }, (_, index) => otherThan(ada.code, index + 1))
    const counts = await countsOf(spread(1000, (at, index) => service.activate(ada, wrong[index], at)))
    const {
      overloaded = 0,
      unavailable = 0,
      'code-incorrect': incorrect,
      'code-exhausted': exhausted = 0,
      ...others
    } = counts
    expect([incorrect, others]).toEqual([3, {}])
    expect(exhausted).toBe(997 - overloaded - unavailable)
    expect(await attemptsOf(ada)).toEqual([3])
    expect(await wordOf(await service.activate(ada, ada.code))).toBe('code-exhausted')
  })

  test('100 parallel activations with the right code over two apis activate once', async () => {
    const ada = await service.registerWithCode('hundred@example.com')
    const answers = await Promise.all(spread(100, (at) => untilServed(() => service.activate(ada, ada.code, at))))
    const users = await Promise.all(answers.map(readUser))
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200))
    expect(users.map(({ status }) => status)).toEqual(answers.map(() => 'active'))
    expect(new Set(users.map(({ activatedAt }) => activatedAt)).size).toBe(1)
    expect(await attemptsOf(ada)).toEqual([1])
  })

  test('of right and wrong ones at once at most three are tried', async () => {
    const ada = await service.registerWithCode('mixed@example.com')
    await Promise.all(
      spread(60, (at, index) => service.activate(ada, index % 3 ? otherThan(ada.code, index) : ada.code, at)),
    )
    expect((await attemptsOf(ada))[0]).toBeLessThanOrEqual(3)
  })

  test.each([
    '12a4',
    '',
    '1',
    '123',
    '12345',
    '1234567',
    '123456789',
    ' 123',
    '1234\n',
    '１２３４',
    '+123',
    '1e10',
    1234,
    null,
    ['1234'],
    {},
  ])('the unreadable code %j spends none', async (code) => {
    const ada = await service.registerWithCode(`unreadable-${Math.random()}@example.com`)
    expect(await wordOf(await service.activate(ada, code))).toBe('invalid-input')
    expect(await attemptsLeft(ada)).toBe(3)
  })

  test('guesses with a wrong password or under another address spend none', async () => {
    const ada = await service.registerWithCode('stranger@example.com')
    for (const authorization of [basic(ada.email, 'a wrong password'), basic('eve@example.com', PASSWORD)])
      expect(await wordOf(await service.activate(ada, ada.code, service.url, { authorization }))).toBe(
        'unauthenticated',
      )
    expect(await attemptsOf(ada)).toEqual([0])
  })

  test('an older code is expired and spends none', async () => {
    const ada = await service.registerWithCode('older@example.com')
    const fresh = await service.resendWithCode(ada)
    // Once in ten thousand both are the same.
    if (fresh.code !== ada.code) expect(await wordOf(await service.activate(ada, ada.code))).toBe('code-expired')
    expect(await attemptsLeft(ada)).toBe(3)
    expect(await wordOf(await service.activate(ada, fresh.code))).toBe(200)
  })

  test('the code of another registration of the address opens nothing', async () => {
    const [first, second] = [
      await service.registerWithCode('both@example.com'),
      await service.registerWithCode('both@example.com'),
    ]
    if (first.code !== second.code)
      expect(await wordOf(await service.activate(second, first.code))).toBe('code-incorrect')
    expect((await service.read(second)).status).toBe('pending')
  })

  test('after its minute it is expired and spends none', async () => {
    const ada = await service.registerWithCode('late@example.com')
    await service.database.pool.query("update codes set expires_at = now() - interval '1 second' where user_id = $1", [
      ada.id,
    ])
    expect(await wordOf(await service.activate(ada, ada.code))).toBe('code-expired')
    expect(await attemptsOf(ada)).toEqual([0])
  })
})

describe('one mailbox', () => {
  test('a resend gives no new guesses: after nine its codes have 8 digits, and the owner gets in with one', async () => {
    const ada = await exhaust('resends@example.com', service.resendWithCode)
    const long = await service.resendWithCode(ada)
    expect(long.code).toMatch(/^\d{8}$/)
    expect(await guess(long)).toBe('code-incorrect')
    expect(await wordOf(await service.activate(long, long.code.slice(0, 4)))).toBe('code-incorrect')
    expect(await wordOf(await service.activate(long, long.code))).toBe(200)
  })

  test('a new registration gives none, nor does another network', async () => {
    await exhaust('again@example.com', ({ email }) => service.registerWithCode(email))
    expect((await service.registerWithCode('again@example.com')).code).toMatch(/^\d{8}$/)
  })

  test.each([
    { guessed: 'tagged@example.com', same: 'tagged+news@example.com' },
    { guessed: 'Capital+1@example.com', same: 'capital+2@EXAMPLE.com' },
    { guessed: 'd.o.t.s@gmail.com', same: 'dots+x@googlemail.com' },
  ])('$same has no guesses of its own beside $guessed', async ({ guessed, same }) => {
    await exhaust(guessed.toLowerCase(), service.resendWithCode)
    expect((await service.registerWithCode(same.toLowerCase())).code).toMatch(/^\d{8}$/)
  })

  test('a code of 4 digits that is alive then is expired, is shown so, and spends no attempt', async () => {
    const alive = await service.registerWithCode('alive@example.com')
    await exhaust('alive+x@example.com', service.resendWithCode)
    expect(await wordOf(await service.activate(alive, alive.code))).toBe('code-expired')
    expect(await service.read(alive)).toMatchObject({ code: { status: 'expired', attemptsLeft: 3 } })
    const long = await service.resendWithCode(alive)
    expect(await wordOf(await service.activate(long, long.code))).toBe(200)
  })

  test('guesses at ten registrations at once over two apis are nine', async () => {
    const people = await Promise.all(
      Array.from({ length: 10 }, (_, index) => service.registerWithCode(`crowd+${index}@example.com`)),
    )
    const guesses = people.flatMap((person) =>
      [1, 2, 3].map((step) => ({ person, code: otherThan(person.code, step) })),
    )
    const counts = await countsOf(
      guesses.map(({ person, code }, index) => service.activate(person, code, service.urls[index % 2])),
    )
    expect(counts).toEqual({ 'code-incorrect': 9, 'code-expired': 21 })
  })

  test('another mailbox is not concerned', async () => {
    await exhaust('mine@example.com', service.resendWithCode)
    expect((await service.registerWithCode('mine@example.org')).code).toMatch(/^\d{4}$/)
  })
})

test('while no mail has left, no code can be guessed', async () => {
  service.provider.answerWith([], 503)
  const ada = await service.register('waiting@example.com')
  // Between two tries: during one somebody may have the code.
  const holdBack = `update mails set retry_at = now() + interval '1 hour' where user_id = $1 and last_error is not null and lease_token is null`
  await expect.poll(async () => (await service.database.pool.query(holdBack, [ada.id])).rowCount).toBe(1)
  expect(await wordOf(await service.activate(ada, '0000'))).toBe('code-not-sent')
  expect(await attemptsOf(ada)).toEqual([0])
  service.provider.answerWith([])
})

test('50 parallel registrations of one address are 50 registrations', async () => {
  const answers = await Promise.all(
    spread(50, (at) =>
      untilServed(() => fetch(`${at}/v1/users`, post({ email: 'fifty@example.com', password: PASSWORD }))),
    ),
  )
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 202))
  expect(new Set(await Promise.all(answers.map(async (answer) => (await readUser(answer)).id))).size).toBe(50)
})

test('50 parallel registrations under one Idempotency-Key are one', async () => {
  const headers = { 'idempotency-key': 'one-and-the-same' }
  const people = await Promise.all(Array.from({ length: 50 }, () => service.register('once@example.com', headers)))
  expect(new Set(people.map(({ id }) => id)).size).toBe(1)
})
