import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type MailSandbox, startMailSandbox } from '../../dev/mail-sandbox/mail-sandbox.ts'

const API_KEY = 'sandbox-key'

let sandbox: MailSandbox
beforeEach(async () => {
  sandbox = await startMailSandbox({ port: 0, host: '127.0.0.1', apiKey: API_KEY })
})
afterEach(() => sandbox.close())

const send = async (to: string, code: string, key: string = randomUUID()): Promise<string> => {
  const answer = await fetch(`${sandbox.url}/emails`, {
    method: 'POST',
    headers: { authorization: `Bearer ${API_KEY}`, 'idempotency-key': key },
    body: JSON.stringify({ from: 'a@b.example', to, subject: 'Your code', text: `Your code is\n\n${code}\n` }),
  })
  return JSON.parse(await answer.text()).id
}

const ask = async (query: string) => {
  const answer = await fetch(`${sandbox.url}/mails?${query}`)
  return { status: answer.status, body: JSON.parse(await answer.text()) }
}

test('the newest mail to an address is answered at once, with its code', async () => {
  await send('ada@example.com', '1111')
  const id = await send('Ada <ada@example.com>', '2222')
  await send('grace@example.com', '3333')
  expect(await ask('to=ada@example.com')).toMatchObject({
    status: 200,
    body: { id, code: '2222', text: expect.any(String) },
  })
})

test('a mail that comes while somebody waits is answered to everybody who waits for it', async () => {
  const waiting = Array.from({ length: 50 }, () => ask('to=ada@example.com&wait=30'))
  const other = ask('to=grace@example.com&wait=30')
  await send('linus@example.com', '9999')
  const id = await send('ada@example.com', '0421')
  for (const answer of await Promise.all(waiting))
    expect(answer).toMatchObject({ status: 200, body: { id, code: '0421' } })
  await send('grace@example.com', '7777')
  expect(await other).toMatchObject({ body: { code: '7777' } })
})

test('404 says so when the wait ends, or when nobody wants to wait', async () => {
  expect(await ask('to=ada@example.com')).toMatchObject({ status: 404, body: { name: 'not_found' } })
  const started = performance.now()
  expect((await ask('to=ada@example.com&wait=0.3')).status).toBe(404)
  expect(performance.now() - started).toBeGreaterThanOrEqual(295)
})

test('`after` skips that mail and older ones, also when they are no longer kept', async () => {
  const first = await send('ada@example.com', '1111')
  const second = await send('ada@example.com', '2222')
  expect(await ask(`to=ada@example.com&after=${first}`)).toMatchObject({ body: { id: second } })
  expect((await ask(`to=ada@example.com&after=${second}`)).status).toBe(404)
  const waiting = ask(`to=ada@example.com&after=${second}&wait=30`)
  await fetch(`${sandbox.url}/emails`, { method: 'DELETE' })
  const third = await send('ada@example.com', '3333')
  expect(await waiting).toMatchObject({ body: { id: third, code: '3333' } })
  expect((await ask(`to=ada@example.com&after=${third}`)).status).toBe(404)
})

test('a repeat under the same key is no newer mail', async () => {
  const id = await send('ada@example.com', '1111', 'k')
  const waiting = ask(`to=ada@example.com&after=${id}&wait=0.5`)
  expect(await send('ada@example.com', '1111', 'k')).toBe(id)
  expect((await waiting).status).toBe(404)
})

test.each([
  ['ADA@Example.COM', 'ada@example.com'],
  ['ada@bücher.example', 'ada@xn--bcher-kva.example'],
  ['ada+tag@example.com', 'ada+tag@example.com'],
  ['ada%2Btag@example.com', 'ada+tag@example.com'],
])('%s is found as %s', async (asked, stored) => {
  await send(stored, '0421')
  expect(await ask(`to=${asked}`)).toMatchObject({ status: 200, body: { to: [stored] } })
})

test.each([
  ['', '`to` is missing'],
  ['to=', '`to` is not an e-mail address'],
  ['to=ada', '`to` is not an e-mail address'],
  ['to=a@b.example&to=c@d.example', '`to` is given more than once'],
  ['to=a@b.example&wait=-1', '`wait` must be a number of seconds from 0 to 300'],
  ['to=a@b.example&wait=soon', '`wait` must be a number'],
  ['to=a@b.example&wait=', '`wait` must be a number'],
  ['to=a@b.example&wait=301', '`wait` must be a number'],
  ['to=a@b.example&after=yesterday', '`after` must be the id of a mail'],
  ['to=a@b.example&timeout=10', 'Unknown parameter `timeout`'],
])('?%s is refused with 400: %s', async (query, complaint) => {
  const answer = await ask(query)
  expect(answer.status).toBe(400)
  expect(answer.body.message).toContain(complaint)
})
