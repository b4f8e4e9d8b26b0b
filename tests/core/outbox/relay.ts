import { takeDueRows } from '../../../src/core/postgres/outbox/outbox-rows.ts'
import type { TestDatabase } from '../../support/database.ts'

export const BATCH = 100
export const relay = ({ pool }: TestDatabase, fresh = BATCH) => takeDueRows(pool, 'mails', { fresh, again: BATCH })
