/** What is changed, and the tests that have to notice, the quickest first: those of these `providers` only; `isOnTables`: they need PostgreSQL. */
export type Room = { mutate: string[]; tests: string[]; providers?: string; isOnTables?: true }

/** A provider's file, and what is tested of every provider. */
const provider = (name: string, ...tests: string[]): Room => ({
  mutate: [`src/core/mail/providers/${name}.ts`],
  tests: [
    'tests/core/provider-{answers,settings,reports}.unit.test.ts',
    'tests/worker/providers/adapter-{answers,requests}.unit.test.ts',
    ...tests,
  ],
  providers: name,
})

/** The mail providers, and what their adapters share. */
export const providerRooms: Record<string, Room> = {
  mailers: {
    mutate: [
      'src/worker/providers/*.ts',
      'src/core/mail/{mailer,providers/provider,providers/providers,providers/report,providers/sender}.ts',
    ],
    tests: [
      'tests/core/{report,sender}.unit.test.ts',
      'tests/worker/providers/{judge-answer,retry-after,create-mailer,traced-post}.unit.test.ts',
      'tests/worker/providers/adapter-{answers,requests}.unit.test.ts',
      'tests/worker/config/*.unit.test.ts',
      'tests/worker/providers/outages.test.ts',
    ],
    // One that has numbers for codes, and one that says that it has the mail already.
    providers: 'postmark brevo',
  },
  resend: provider('resend'),
  postmark: provider('postmark'),
  sendgrid: provider('sendgrid'),
  mailgun: provider('mailgun'),
  ses: provider('ses', 'tests/core/ses-reports.unit.test.ts'),
  aws: { mutate: ['src/core/mail/providers/aws/credentials.ts'], tests: ['tests/core/aws-credentials.unit.test.ts'] },
  sns: { mutate: ['src/core/mail/providers/sns.ts'], tests: ['tests/core/ses-reports.unit.test.ts'] },
  brevo: provider('brevo'),
  mailpit: provider('mailpit'),
}
