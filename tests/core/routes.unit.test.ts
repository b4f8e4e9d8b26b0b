import { expect, test } from 'vitest'
import { MailerUnavailable } from '../../src/core/mail/mailer.ts'
import {
  AFTERWARDS,
  chooseProvider,
  type MailProvider,
  openProviders,
  ROUTES,
} from '../../src/core/mail/routing/routes.ts'
import { testProvider } from '../support/delivery.ts'

const mailer = { send: async () => ({ providerId: null }), close: async () => {} }
const create = (): [MailProvider, MailProvider] => [testProvider(mailer, 'resend'), testProvider(mailer, 'postmark')]

const HOLDERS = ['nobody', 'first', 'second', 'not-first'] as const
const GATES = ['open', 'shut'] as const
const CELLS = HOLDERS.flatMap((holder) => GATES.flatMap((one) => GATES.map((two) => ({ holder, one, two }))))

// The rule in words, told independently of the table.
const expected = (holder: (typeof HOLDERS)[number], isFirstOpen: boolean, isSecondOpen: boolean) => {
  if (holder === 'first') return isFirstOpen ? 'first' : 'wait'
  if (holder === 'not-first' && isSecondOpen) return 'second'
  if (holder === 'second') return isSecondOpen ? 'second' : 'wait'
  return isFirstOpen ? 'first' : isSecondOpen ? 'second' : 'wait'
}

test.each(CELLS)('$holder may have it, the first is $one, the second is $two', ({ holder, one, two }) => {
  const [first, second] = create()
  const open = [...(one === 'open' ? [first] : []), ...(two === 'open' ? [second] : [])]
  const wanted = expected(holder, one === 'open', two === 'open')
  expect(ROUTES[holder][one][two]).toBe(wanted)
  const chosen = chooseProvider([first, second], open, holder)
  expect(chosen).toBe(wanted === 'first' ? first : wanted === 'second' ? second : null)
})

test('only a clear no about a mail that nobody can have leads to the other at once', () => {
  expect(AFTERWARDS).toEqual({
    'clear-no': { 'nobody-has-it': 'the-other-at-once', 'somebody-may-have-it': 'later' },
    silence: { 'nobody-has-it': 'later', 'somebody-may-have-it': 'later' },
    'key-unusable': { 'nobody-has-it': 'later', 'somebody-may-have-it': 'later' },
  })
})

const asks = (ms: number) => new MailerUnavailable('x-429', { isClearNo: true, isForEverybody: true, retryAfterMs: ms })

test('both are open while both are well, and the second is no way out while it is in trouble itself', () => {
  const [first, second] = create()
  expect(openProviders([first, second])).toEqual({ open: [first, second] })
  second.circuit.noteTrouble('a', asks(5000))
  expect(openProviders([first, second])).toEqual({ open: [first] })
})

test('with the first shut mails go to the second; with both shut they wait for whichever is open sooner', () => {
  const [first, second] = create()
  first.circuit.noteTrouble('a', asks(60_000))
  expect(openProviders([first, second])).toEqual({ open: [second] })
  second.circuit.noteTrouble('a', asks(5000))
  const wait = openProviders([first, second])
  expect('waitMs' in wait && wait.waitMs).toBeGreaterThan(4000)
  expect('waitMs' in wait && wait.waitMs).toBeLessThanOrEqual(5000)
})

test('one provider alone is open while it is well, and is waited for otherwise', () => {
  const [only] = create()
  expect(openProviders([only])).toEqual({ open: [only] })
  only.circuit.noteTrouble('a', asks(5000))
  const wait = openProviders([only])
  expect('waitMs' in wait && wait.waitMs).toBeGreaterThan(4000)
})
