import { randomUUID } from 'node:crypto'
import { serve } from '@hono/node-server'
import { hash } from '@node-rs/bcrypt'
import { Hono } from 'hono'
import pg from 'pg'
import { REGISTER } from './tables.ts'

/**
 * The floor: what a registration costs when user, code and mail are committed together and nothing else is asked for. No limits,
 * no checks beyond a parsed body, no log. It is what `make bench` holds our api against.
 */
const { DATABASE_URL, BCRYPT_COST = '12', PORT = '0' } = process.env
const pool = new pg.Pool({ connectionString: DATABASE_URL, max: 20 })
const app = new Hono()

app.post('/v1/users', async (c) => {
  const { email, password } = await c.req.json()
  const passwordHash = await hash(password, { cost: Number(BCRYPT_COST) })
  const id = randomUUID()
  const client = await pool.connect()
  try {
    const begun = client.query('begin')
    const inserted = await client.query({
      ...REGISTER,
      values: [id, email, passwordHash, 'K7QX', randomUUID(), randomUUID()],
    })
    await Promise.all([begun, client.query('commit')])
    const user = { id, email, status: 'pending', createdAt: inserted.rows[0].createdAt }
    return c.json(user, 202, { Location: `/v1/users/${id}` })
  } finally {
    client.release()
  }
})
app.get('/readyz', (c) => c.json({ status: 'ready' }))

serve({ fetch: app.fetch, port: Number(PORT), hostname: '127.0.0.1' })
