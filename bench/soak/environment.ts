/** Limits off, hashing cheap, and a provider that is not waited for long. */
export const quickEnvironment = (given: {
  databaseUrl: string
  redisUrl: string | undefined
  mailUrl: string
  secretKey: string
}): NodeJS.ProcessEnv => ({
  PATH: process.env.PATH,
  HOST: '127.0.0.1',
  DATABASE_URL: given.databaseUrl,
  ...(given.redisUrl && { REDIS_URL: given.redisUrl }),
  SECRET_KEY: given.secretKey,
  BCRYPT_COST: '4',
  CODE_TTL_SECONDS: '60',
  LIMIT_REGISTRATIONS_PER_NET: 'off',
  LIMIT_MAILS_PER_MAILBOX: 'off',
  LOG_LEVEL: 'info',
  MAIL_URL: given.mailUrl,
  MAIL_API_KEY: 'bench',
  MAIL_FROM: 'Latchkey <codes@latchkey.example>',
  MAIL_TIMEOUT_MS: '1500',
})
