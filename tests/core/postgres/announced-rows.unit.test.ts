import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { announcedRows, channelOf, payloadOf } from '../../../src/core/postgres/announced-rows.ts'

const row = (traceContext: string | null = null) => ({ id: randomUUID(), traceContext })

test('a payload names the rows as they are', () => {
  const rows = [row(), row('00-trace-ü')]
  expect(announcedRows(payloadOf(rows))).toEqual(rows)
  expect(channelOf('mails')).toBe('latchkey_mails')
})

test('rows that are not known, or whose names PostgreSQL would refuse for their length, are looked for', () => {
  expect([payloadOf(null), announcedRows('')]).toEqual(['', null])
  const around = Buffer.byteLength(payloadOf([row('')]))
  expect(payloadOf([row('x'.repeat(7999 - around))])).toHaveLength(7999)
  expect(payloadOf([row('x'.repeat(8000 - around))])).toBe('')
  expect(payloadOf([row('ü'.repeat((8000 - around) / 2 + 1))])).toBe('')
})

test.each([
  'anything',
  '{}',
  'null',
  '[1]',
  '[{"id":"not-an-id","traceContext":null}]',
  `[{"id":"${randomUUID()}"}]`,
  `[{"id":"${randomUUID()}","traceContext":7}]`,
  `[{"id":"${randomUUID()}","traceContext":null,"more":1}]`,
])('what others say on the channel names nothing: %s', (payload) => {
  expect(announcedRows(payload)).toBeNull()
})
