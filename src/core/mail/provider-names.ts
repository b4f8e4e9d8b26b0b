/** The mail providers that are spoken here. */
export const providerNames = ['resend', 'postmark', 'sendgrid', 'mailgun', 'ses', 'brevo', 'mailpit'] as const

export type ProviderName = (typeof providerNames)[number]
