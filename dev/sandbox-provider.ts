import { randomBytes } from 'node:crypto'
import { providerNames } from '../src/core/mail/provider-names.ts'
import type { EventsTarget } from './mail-sandbox/provider/reports.ts'
import { createEventSigner } from './mail-sandbox/providers/signed-events.ts'

/** What the service is told of the provider that the sandbox plays, and where its events go; none where it can sign none. */
export type DeskProvider = { environment: Record<string, string> & { MAIL_API_KEY: string }; events?: EventsTarget }

/** The provider that `MAIL_PROVIDER` names, Resend when it names none. */
export function sandboxProvider(wanted: string | undefined, apiUrl: string): DeskProvider {
  const name = providerNames.find((one) => one === wanted) ?? 'resend'
  const environment = {
    // SES wants the id of a key before the key, and a region.
    MAIL_API_KEY: name === 'ses' ? 'SANDBOX:sandbox' : 'sandbox',
    MAIL_REGION: name === 'ses' ? 'eu-central-1' : '',
    MAIL_FROM: 'Latchkey <codes@latchkey.example>',
    MAIL_PROVIDER: wanted || name,
    MAIL_EVENTS_SECRET: '',
  }
  const url = `${apiUrl}/v1/provider-events/${name}`
  if (name === 'resend') {
    const secret = `whsec_${randomBytes(24).toString('base64')}`
    return { environment: { ...environment, MAIL_EVENTS_SECRET: secret }, events: { url, secret } }
  }
  const signer = createEventSigner(name)
  if (signer === null) return { environment }
  return { environment: { ...environment, MAIL_EVENTS_SECRET: signer.secret }, events: { url, signer } }
}
