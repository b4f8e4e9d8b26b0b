/** What every mailer needs to know. `timeoutMs` bounds each wait for the provider. */
export type MailerSettings = { url: string; apiKey: string; from: string; timeoutMs: number; connections: number }
