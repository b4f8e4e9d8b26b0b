import { startHttpServer } from '../core/http-server.ts'
import { createLifecycle, run } from '../core/lifecycle.ts'
import { createLogger } from '../core/logger.ts'
import { createRegistry, httpSeconds } from '../core/metrics.ts'
import { createOpsApp } from '../core/ops-app.ts'
import { createPool } from '../core/postgres/pool.ts'
import { checkDatabase } from '../core/readiness.ts'
import { createKeyring } from '../core/registration/keyring.ts'
import { createPasswordHasher } from '../core/registration/password.ts'
import { codePolicyOf, isPooled } from '../core/settings.ts'
import { createApp } from './app.ts'
import { readApiConfig } from './config.ts'
import { budgetsOf, createLimits } from './limits.ts'
import { answerUnreadable } from './unreadable.ts'

const MAX_CONNECTIONS = 20

const main = async (): Promise<void> => {
  const config = readApiConfig(process.env)
  const logger = createLogger(config.LOG_LEVEL, 'api')
  const { onStop } = createLifecycle(logger)

  const pool = createPool(config.DATABASE_URL, {
    max: MAX_CONNECTIONS,
    name: 'latchkey-api',
    logger,
    isPooled: isPooled(config),
  })
  onStop('PostgreSQL pool', () => pool.end())
  const registry = createRegistry()
  const readiness = () => checkDatabase(pool)

  const keyring = createKeyring(config.SECRET_KEY)
  const app = createApp({
    pool,
    keyring,
    hasher: await createPasswordHasher(config.BCRYPT_COST),
    policy: { ...codePolicyOf(config), resendCooldownSeconds: config.RESEND_COOLDOWN_SECONDS },
    limits: createLimits(pool, { keyring, budgets: budgetsOf(config) }),
    passwordMinLength: config.PASSWORD_MIN_LENGTH,
    trustedProxies: config.TRUSTED_PROXIES,
    readiness,
    requestSeconds: httpSeconds(registry),
    logger,
  })
  const server = await startHttpServer(
    { fetch: app.fetch, onUnreadable: answerUnreadable },
    { host: config.HOST, port: config.PORT },
  )
  // Last: ready means that the public port answers too.
  const ops = await startHttpServer(createOpsApp(readiness, registry), { host: config.HOST, port: config.OPS_PORT })
  onStop('operators HTTP', () => ops.close())
  onStop('public HTTP', () => server.close())
  logger.info({ port: server.port, opsPort: ops.port }, 'api listening')
}

await run(main)
