import { randomUUID } from 'node:crypto'
import { Client } from 'undici'
import { deriveCode } from '../../src/core/registration/activation-code.ts'
import type { LoneApi } from '../lone-api.ts'

const PASSWORD = 'correct horse battery'

/** A registration, seen by who made it. */
export type Person = { id: string; email: string; password: string }

/** One kept-alive connection, for one request at a time. */
export const connect = ({ url }: Pick<LoneApi, 'url'>): Client => new Client(url, { keepAliveTimeout: 60_000 })

export const newAddress = (): string => `${randomUUID()}@example.com`

/** Sends a request and resolves with its status and body when the answer is read. */
export const send = async (
  client: Client,
  method: 'GET' | 'POST',
  path: string,
  given: { person?: Person; body?: unknown },
): Promise<{ status: number; text: string }> => {
  const { person, body } = given
  const answer = await client.request({
    method,
    path,
    headers: {
      ...(person && {
        authorization: `Basic ${Buffer.from(`${person.email}:${person.password}`).toString('base64')}`,
      }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    body: body === undefined ? null : JSON.stringify(body),
  })
  return { status: answer.statusCode, text: await answer.body.text() }
}

export const register = (client: Client, email: string) =>
  send(client, 'POST', '/v1/users', { body: { email, password: PASSWORD } })

/** A registration whose address is an account already: by this one, by another, or not at all. */
export const addPerson = async (
  { pool }: LoneApi,
  client: Client,
  account: 'of-this' | 'of-another' | 'none',
): Promise<Person> => {
  const email = newAddress()
  if (account === 'of-another') await addAccount(pool, client, email)
  const id = account === 'of-this' ? await addAccount(pool, client, email) : idOf(await register(client, email))
  return { id, email, password: PASSWORD }
}

const addAccount = async (pool: LoneApi['pool'], client: Client, email: string): Promise<string> => {
  const id = idOf(await register(client, email))
  await pool.query('update users set activated_at = now() where id = $1', [id])
  return id
}

const idOf = (answer: { text: string }): string => {
  const { id }: { id: string } = JSON.parse(answer.text)
  return id
}

/** The provider has taken the newest mail just now, and nobody has guessed yet. */
export const deliver = async ({ pool }: LoneApi, { id }: Person): Promise<void> => {
  await pool.query(
    "update mails set settled_at = now(), outcome = 'accepted' where user_id = $1 and settled_at is null",
    [id],
  )
  await pool.query(
    `update codes
     set attempts = 0, opened_at = now(), sent_at = now(), expires_at = now() + interval '1 minute'
     where user_id = $1 and superseded_at is null`,
    [id],
  )
  await pool.query('delete from guesses')
}

/** A code that is not the person's. */
export const wrongCode = async ({ pool, keyring }: LoneApi, { id }: Person): Promise<string> => {
  const found = await pool.query<{ id: string; digits: number; keyId: string }>(
    'select id, digits, key_id as "keyId" from codes where user_id = $1 and superseded_at is null',
    [id],
  )
  const [code] = found.rows
  const digits = code && deriveCode(keyring, code)
  if (!digits) throw new Error('there is no current code')
  return digits === '0000' ? '0001' : '0000'
}
