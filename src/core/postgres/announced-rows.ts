import * as v from 'valibot'
import type { OutboxTable } from './outbox/outbox-rows.ts'

// What a notification says of new rows, so that a relay has to look for none of them.

/** The channel of a table's relays. */
export const channelOf = (table: OutboxTable): string => `latchkey_${table}`

const announcedRow = v.strictObject({ id: v.pipe(v.string(), v.uuid()), traceContext: v.nullable(v.string()) })

/** A new row, as its relay has to know it. */
export type AnnouncedRow = v.InferOutput<typeof announcedRow>

const payload = v.pipe(v.string(), v.parseJson(), v.array(announcedRow))

// PostgreSQL takes no longer one.
const MAX_BYTES = 7999

/** The payload that names these rows; empty, so that they are looked for, when they are null or too many. */
export const payloadOf = (rows: AnnouncedRow[] | null): string => {
  const named = rows ? JSON.stringify(rows) : ''
  return Buffer.byteLength(named) > MAX_BYTES ? '' : named
}

/** The rows that a notification names; null when it names none, and they have to be looked for. */
export const announcedRows = (notified: string): AnnouncedRow[] | null => {
  const read = v.safeParse(payload, notified)
  return read.success ? read.output : null
}
