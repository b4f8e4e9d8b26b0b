import * as v from 'valibot'
import { readConfig, text, url, wholeNumber } from '../src/core/process/config.ts'
import { startMailSandbox } from './mail-sandbox/mail-sandbox.ts'
import { factsOf } from './mail-sandbox/provider/fixtures.ts'

/** The mail sandbox as a process of its own, for docker-compose.yml; `make run` holds it in its own process. */
const config = readConfig(
  {
    HOST: v.optional(text(), '0.0.0.0'),
    PORT: v.optional(wholeNumber(0, 65_535), '3003'),
    MAIL_API_KEY: text(),
    // Where a browser finds the API, for the sign-up page.
    API_URL: v.optional(url('http:', 'https:')),
    // Where the service takes the provider's events, and what signs them. Resend's alone are sent, by a secret as it has them.
    EVENTS_URL: v.optional(url('http:', 'https:')),
    MAIL_EVENTS_SECRET: v.optional(text()),
    // What the service signs its own events with, to be shown on the page: its WEBHOOK_URL is then this port's /webhook.
    WEBHOOK_SECRET: v.optional(text()),
  },
  process.env,
)
const { EVENTS_URL, MAIL_EVENTS_SECRET: secret } = config
const source = secret?.startsWith('whsec_') ? factsOf('resend').openEvents?.(secret) : undefined
const sandbox = await startMailSandbox({
  host: config.HOST,
  port: config.PORT,
  apiKey: config.MAIL_API_KEY,
  apiUrl: config.API_URL,
  webhookSecret: config.WEBHOOK_SECRET,
  events: EVENTS_URL && source ? { url: EVENTS_URL, source } : undefined,
})
process.stdout.write(`the mail sandbox listens at ${sandbox.url}\n`)
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void sandbox.close())
