import { createKeyring } from '../../src/core/credentials/keyring.ts'
import type { DeliverTools, DeliveryPolicy } from '../../src/core/mail/delivery.ts'
import type { Mailer } from '../../src/core/mail/mailer.ts'
import { createCircuit } from '../../src/core/mail/routing/circuit.ts'
import { createProviderHealth } from '../../src/core/mail/routing/provider-health.ts'
import type { MailProvider } from '../../src/core/mail/routing/routes.ts'
import { createMailTexts } from '../../src/core/mail/writing/mail-texts.ts'
import { createGuessSurge } from '../../src/core/registration/guess-surge.ts'
import { silent, type TestDatabase } from './database.ts'
import { SECRET_KEY } from './secret-key.ts'

export const POLICY = {
  ttlSeconds: 60,
  maxAttempts: 3,
  guessBudgets: [
    { max: 9, seconds: 86_400 },
    { max: 90, seconds: 365 * 86_400 },
  ],
}

export const TEXTS = createMailTexts({ serviceName: 'Latchkey', defaultLocale: 'en', ttlSeconds: POLICY.ttlSeconds })

/** A provider that this process knows nothing bad of. */
export const testProvider = (mailer: Mailer, name = mailer.provider ?? 'resend'): MailProvider => ({
  name,
  mailer,
  circuit: createCircuit(),
  health: createProviderHealth(),
})

/** What `deliverMail` needs, with a mailer of the test's choice. */
export const deliverTools = (
  database: TestDatabase,
  mailer: Mailer,
  delivery: Partial<DeliveryPolicy> = {},
): DeliverTools => ({
  pool: database.pool,
  providers: [testProvider(mailer)],
  keyring: createKeyring([SECRET_KEY]),
  policy: POLICY,
  texts: TEXTS,
  surge: createGuessSurge(silent),
  raisesEvents: true,
  delivery: { timeoutMs: 2000, giveUpAfterSeconds: 3600, ...delivery },
  logger: silent,
})
