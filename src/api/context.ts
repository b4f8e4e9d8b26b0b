import type { HttpBindings } from '@hono/node-server'
import type { Logger } from '../core/logger.ts'
import type { Readiness } from '../core/ops-app.ts'
import type { Pool } from '../core/postgres/pool.ts'
import type { CodeTools } from '../core/registration/enqueue-code.ts'
import type { PasswordHasher } from '../core/registration/password.ts'
import type { RegistrationPolicy } from '../core/registration/policy.ts'
import type { Net } from './client-address.ts'
import type { Limits } from './limits.ts'
import type { ApiMetrics } from './metrics.ts'

/** What the routes work with. */
export type ApiTools = CodeTools & {
  pool: Pool
  hasher: PasswordHasher
  policy: RegistrationPolicy
  limits: Limits
  passwordMinLength: number
  trustedProxies: Net[]
  readiness: Readiness
  metrics: ApiMetrics
  logger: Logger
}

/** What Hono carries through a request. */
export type ApiEnv = { Bindings: HttpBindings; Variables: { requestId: string } }
