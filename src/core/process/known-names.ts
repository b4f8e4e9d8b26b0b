type Environment = Record<string, string | undefined>

/** Every name of these families that one of the processes reads; the other may be given it too. */
const FAMILIES = {
  LIMIT_: [
    'REGISTRATIONS_PER_NET',
    'WRONG_CODES_PER_NET',
    'MAILS_PER_MAILBOX',
    'GUESSES_PER_MAILBOX',
    'FAILED_LOGINS_PER_USER',
    'FAILED_LOGINS_PER_NET',
  ],
  CODE_: ['TTL_SECONDS', 'ATTEMPTS'],
  MAIL_: [
    'PROVIDER',
    'URL',
    'API_KEY',
    'FROM',
    'DOMAIN',
    'REGION',
    'EVENTS_SECRET',
    'TEMPLATES',
    'TIMEOUT_MS',
    'CONCURRENCY',
    'RATE_PER_SECOND',
    'GIVE_UP_AFTER',
    'FALLBACK_PROVIDER',
    'FALLBACK_URL',
    'FALLBACK_API_KEY',
    'FALLBACK_FROM',
    'FALLBACK_DOMAIN',
    'FALLBACK_REGION',
    'FALLBACK_RATE_PER_SECOND',
    'FALLBACK_EVENTS_SECRET',
  ],
  WEBHOOK_: ['URL', 'SECRET', 'GIVE_UP_AFTER'],
}

type Family = keyof typeof FAMILIES

/** The names of these families that are set and that no process reads: most likely misspelt. */
export const unknownNames = (environment: Environment, ...families: Family[]): string[] =>
  Object.keys(environment)
    .filter((name) => environment[name] !== '' && environment[name] !== undefined)
    .filter((name) => families.some((family) => name.startsWith(family) && !isKnown(name, family)))
    .toSorted()

const isKnown = (name: string, family: Family): boolean =>
  FAMILIES[family].some((known) => [`${family}${known}`, `${family}${known}_FILE`].includes(name))

/** One warning for all names that may be misspelt. They stop nothing: Kubernetes makes such names for services. */
export const warnOfUnknownNames = (
  environment: Environment,
  logger: { warn(fields: object, message: string): void },
): void => {
  const names = unknownNames(environment, 'MAIL_', 'WEBHOOK_')
  if (names.length > 0) logger.warn({ names }, 'unknown variables are ignored')
}
