import { factsOf } from '../../../dev/mail-sandbox/provider/fixtures.ts'
import type { ProviderName } from '../../../src/core/mail/providers/providers.ts'
import { createMailer } from '../../../src/worker/providers/create-mailer.ts'
import { testedProviders } from '../../support/tested-providers.ts'

export const FROM = 'Latchkey <codes@latchkey.example>'
export const KEY = '0b5d3f0e-6a43-4c6f-9d0b-0c6f3a0a1b2c'

export const MAIL = {
  to: 'ada@example.com',
  subject: 'Your activation code (K7QX)',
  text: 'Your activation code is\n\n0427\n',
  html: '<p>0427</p>',
}

/** What each provider's own documents ask for: where, with which headers, and which body. */
export const mailers = testedProviders.map((name) => {
  const facts = factsOf(name)
  const sender = { name: 'Latchkey', email: 'codes@latchkey.example' }
  return { name, facts, ...facts.request({ ...MAIL, apiKey: facts.apiKey, sender, key: KEY }) }
})

/** What the provider answers when it takes the mail, and the id that we then know. */
export const acceptanceOf = (name: ProviderName) => {
  const { status, headers = {}, body } = factsOf(name).accept('id-1')
  return { status, headers, text: typeof body === 'string' ? body : JSON.stringify(body) }
}

/** A mailer of this name, and the one mail that all tests send with it. */
export const createTestMailer = (name: ProviderName, url: string, { timeoutMs = 500, from = FROM } = {}) => {
  const mailer = createMailer(name, {
    url,
    apiKey: factsOf(name).apiKey,
    from,
    region: factsOf(name).region,
    timeoutMs,
    connections: 2,
  })
  return {
    send: (signal: AbortSignal = AbortSignal.timeout(timeoutMs)) => mailer.send(MAIL, { idempotencyKey: KEY, signal }),
    close: () => mailer.close(),
  }
}
