import type { HttpBindings } from '@hono/node-server'
import type { PasswordHasher } from '../core/credentials/password.ts'
import type { VerifiedCredentials } from '../core/credentials/verified-credentials.ts'
import type { EventTools } from '../core/events/raise-event.ts'
import type { Languages } from '../core/mail/writing/languages.ts'
import type { Pool } from '../core/postgres/pool.ts'
import type { Network } from '../core/process/http/client-network.ts'
import type { Readiness } from '../core/process/http/ops-app.ts'
import type { Logger } from '../core/process/logger.ts'
import type { CodeTools } from '../core/registration/new-code.ts'
import type { RegistrationPolicy } from '../core/registration/status.ts'
import type { Limits } from './limits/limits.ts'
import type { ApiMetrics } from './metrics.ts'
import type { ProviderEvents } from './provider-events.ts'

/** What the routes work with. */
export type ApiTools = CodeTools &
  EventTools & {
    pool: Pool
    hasher: PasswordHasher
    verified: VerifiedCredentials
    policy: RegistrationPolicy
    limits: Limits
    passwordMinLength: number
    languages: Languages
    serviceName: string
    corsOrigins: string[]
    trustedProxies: Network[]
    readiness: Readiness
    metrics: ApiMetrics
    providerEvents: ProviderEvents
    logger: Logger
  }

/** What Hono carries through a request. */
export type ApiEnv = { Bindings: HttpBindings; Variables: { requestId: string } }
