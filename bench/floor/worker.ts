import { createHmac, randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { Agent, request } from 'undici'
import { openBareQueue } from './queue.ts'
import { CLAIM, SETTLE, TAKE } from './tables.ts'

/**
 * The floor of a delivery: a relay that takes what was never offered, a job that claims the mail, opens its code and reads what it
 * needs in one statement, calls the provider, and settles mail and code in another. Nothing is retried, timed or told.
 */
const { DATABASE_URL = '', REDIS_URL, MAIL_URL = '', MAIL_CONCURRENCY = '50', OPS_PORT = '0' } = process.env
const SWEEP_MS = 1000

const pool = new pg.Pool({ connectionString: DATABASE_URL, max: 10 })
const agent = new Agent({ connections: Number(MAIL_CONCURRENCY) })
const queue = await openBareQueue('floor', REDIS_URL, DATABASE_URL)

const deliver = async (mailId: string): Promise<void> => {
  const token = randomUUID()
  const claimed = await pool.query({ ...CLAIM, values: [mailId, token] })
  const [mail] = claimed.rows
  if (!mail) return
  const code = String(createHmac('sha256', 'floor').update(mail.codeId).digest().readUInt32BE() % 10_000)
  const { body } = await request(`${MAIL_URL}/emails`, {
    dispatcher: agent,
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': mail.codeId },
    body: JSON.stringify({ from: 'floor@example.com', to: mail.email, subject: mail.ref, text: code.padStart(4, '0') }),
  })
  const answer = await body.json()
  const id = typeof answer === 'object' && answer !== null && 'id' in answer ? answer.id : null
  await pool.query({ ...SETTLE, values: [mailId, token, id] })
}

await queue.work(({ data }) => deliver(data.mailId), Number(MAIL_CONCURRENCY))

let wake = () => {}
const listener = new pg.Client({ connectionString: DATABASE_URL })
await listener.connect()
listener.on('notification', () => wake())
await listener.query('listen floor_mails')

createServer((_, response) => response.end('{}')).listen(Number(OPS_PORT), '127.0.0.1')

for (;;) {
  const woken = new Promise<void>((resolve) => {
    wake = resolve
  })
  const { rows } = await pool.query(TAKE)
  if (rows.length > 0) await queue.add(rows.map(({ id }) => id))
  else await Promise.race([woken, sleep(SWEEP_MS)])
}
