import { expect } from 'vitest'
import type { Environment } from '../../../src/core/process/config.ts'
import { readWorkerConfig } from '../../../src/worker/config.ts'
import { faultOf } from '../../support/config.ts'

/** All that must be given. */
export const COMPLETE = {
  DATABASE_URL: 'postgres://latchkey:latchkey@db.example/latchkey',
  SECRET_KEY: 'a secret key that only the tests use',
  MAIL_API_KEY: 're_123',
  MAIL_FROM: 'Latchkey <codes@latchkey.example>',
}

/** The message that the operator reads; fails the test when the configuration is taken. */
export const complaintAbout = (environment: Environment): string =>
  faultOf(() => readWorkerConfig(environment)) ?? expect.unreachable('the configuration was taken')
