import { providerNames } from '../src/core/mail/providers/providers.ts'
import { factsOf } from './mail-sandbox/provider/fixtures.ts'
import type { EventsTarget } from './mail-sandbox/provider/reports.ts'

/** What the service is told of the provider that the sandbox plays, and where its events go; none where it can sign none. */
export type SandboxProvider = { environment: Record<string, string> & { MAIL_API_KEY: string }; events?: EventsTarget }

/** The provider that `MAIL_PROVIDER` names, Resend when it names none. */
export function sandboxProvider(wanted: string | undefined, apiUrl: string): SandboxProvider {
  const name = providerNames.find((one) => one === wanted) ?? 'resend'
  const { apiKey, region = '', openEvents } = factsOf(name)
  const source = openEvents?.()
  const environment = {
    MAIL_API_KEY: apiKey,
    MAIL_REGION: region,
    MAIL_FROM: 'Latchkey <codes@latchkey.example>',
    MAIL_PROVIDER: wanted || name,
    MAIL_EVENTS_SECRET: source?.secret ?? '',
  }
  return source ? { environment, events: { url: `${apiUrl}/v1/provider-events/${name}`, source } } : { environment }
}
