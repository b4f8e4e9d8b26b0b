import { readApiConfig } from '../../../src/api/config.ts'
import type { Environment } from '../../../src/core/process/config.ts'
import { faultOf } from '../../support/config.ts'

export const SECRET = 's3cret-'.repeat(5)
/** All that must be given. */
export const GOOD = { DATABASE_URL: 'postgres://ada:hush@db.example/latchkey', SECRET_KEY: SECRET }

export const messageOf = (environment: Environment): string => faultOf(() => readApiConfig(environment)) ?? ''
