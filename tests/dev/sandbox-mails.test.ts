import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { authorized, idOf, inbox, json, mail, request, send, subjects, useMailSandbox } from './sandbox-stage.ts'

useMailSandbox()

describe('taking mails', () => {
  test('a mail is answered with its id and stands in the inbox, its code picked out', async () => {
    const key = randomUUID()
    const answer = await send(mail, { key })
    expect(answer.status).toBe(200)
    const id = await idOf(answer)
    const kept = {
      ...mail,
      id,
      to: ['ada@example.com'],
      createdAt: expect.stringMatching(/^\d{4}-.*Z$/),
      idempotencyKey: key,
      repeats: 0,
      code: '0421',
      reports: [],
    }
    expect(await inbox()).toEqual([kept])
    expect(await json(`/emails/${id}`)).toEqual(kept)
    expect(await json(`/emails/${randomUUID()}`)).toMatchObject({ statusCode: 404, name: 'not_found' })
  })

  test.each([
    { text: 'line\r\n12345678\r\nline', code: '12345678' },
    { text: '0007', code: '0007' },
    { text: 'your code is 1234', code: null },
    { text: '123\n12345\n1234567', code: null },
  ])('the code of $text is $code', async ({ text, code }) => {
    await send({ ...mail, text })
    expect(await inbox()).toMatchObject([{ code }])
  })

  test('the newest mail comes first, and the list can be narrowed to one recipient', async () => {
    await send({ ...mail, subject: 'first' })
    await send({ ...mail, subject: 'second', to: ['Grace@example.com', 'linus@example.com'] })
    expect(await subjects('/emails')).toEqual(['second', 'first'])
    expect(await subjects('/emails?to=grace@example.com')).toEqual(['second'])
    expect(await subjects('/emails?to=nobody@example.com')).toEqual([])
  })

  test('only the newest thousand mails are kept', async () => {
    for (let i = 0; i <= 1000; i++) await send({ ...mail, subject: `mail ${i}` })
    const kept = await subjects('/emails')
    expect(kept).toHaveLength(1000)
    expect([kept.at(0), kept.at(-1)]).toEqual(['mail 1000', 'mail 1'])
  })

  test.each([
    { why: 'no API key', status: 401, headers: {}, name: 'missing_api_key' },
    { why: 'another API key', status: 403, headers: { Authorization: 'Bearer other' }, name: 'invalid_api_key' },
    { why: 'no User-Agent', status: 403, headers: { ...authorized(), 'User-Agent': '' }, name: 'missing_user_agent' },
  ])('a request with $why is refused with $status', async ({ headers, status, name }) => {
    const answer = await request('/emails', { method: 'POST', headers, body: JSON.stringify(mail) })
    expect(answer.status).toBe(status)
    expect(await answer.json()).toEqual({ statusCode: status, name, message: expect.any(String) })
    expect(await inbox()).toEqual([])
  })

  test.each([
    { why: 'without text and html', body: { from: mail.from, to: mail.to, subject: 'x' } },
    { why: 'without a recipient', body: { ...mail, to: undefined } },
    { why: 'with an empty list of recipients', body: { ...mail, to: [] } },
    { why: 'to something that is no address', body: { ...mail, to: 'ada' } },
    { why: 'that is a list', body: [mail] },
  ])('a mail $why is refused with 422', async ({ body }) => {
    const answer = await send(body)
    expect(answer.status).toBe(422)
    expect(await answer.json()).toMatchObject({ statusCode: 422, name: 'validation_error' })
    expect(await inbox()).toEqual([])
  })

  test('a body that is not JSON is refused with 400', async () => {
    const answer = await request('/emails', { method: 'POST', headers: authorized(), body: '{"from":' })
    expect(answer.status).toBe(400)
  })

  test('an emptied inbox is empty', async () => {
    await send(mail)
    expect((await request('/emails', { method: 'DELETE' })).status).toBe(204)
    expect(await inbox()).toEqual([])
  })
})

describe('idempotency keys', () => {
  test('the same request again has the same id, makes no second mail and is counted', async () => {
    const id = await idOf(await send(mail, { key: 'k' }))
    const again = await Promise.all([send(mail, { key: 'k' }), send(mail, { key: 'k' })])
    for (const answer of again) expect(await answer.json()).toEqual({ id })
    expect(await inbox()).toMatchObject([{ id, repeats: 2 }])
  })

  test('the same key with another body is refused with 409', async () => {
    await send(mail, { key: 'k' })
    const answer = await send({ ...mail, text: '9999' }, { key: 'k' })
    expect(answer.status).toBe(409)
    expect(await answer.json()).toMatchObject({ statusCode: 409, name: 'invalid_idempotent_request' })
    expect(await inbox()).toMatchObject([{ code: '0421', repeats: 0 }])
  })

  test('a key is remembered when its mail is no longer in the inbox', async () => {
    const id = await idOf(await send(mail, { key: 'k' }))
    await request('/emails', { method: 'DELETE' })
    expect(await idOf(await send(mail, { key: 'k' }))).toBe(id)
    expect((await send({ ...mail, text: '9999' }, { key: 'k' })).status).toBe(409)
    expect(await inbox()).toEqual([])
  })

  test('without a key every request is a mail of its own', async () => {
    await send(mail)
    await send(mail)
    expect(await inbox()).toHaveLength(2)
  })
})
