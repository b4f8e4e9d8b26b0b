import { basic } from '../support/api.ts'
import type { Edit, Recipe } from './recipes.ts'

/** A registration that was answered with 202. */
export type Person = { id: string; email: string; password: string; code: string }

/** The bytes of a recipe: a request that would be right for this person, but for what the recipe spoils. */
export const cook = (recipe: Recipe, person: Person): Buffer => {
  const plain = plainRequest(recipe, person)
  const body = Buffer.from(recipe.body ?? plain.body)
  const lines = [
    `${recipe.method ?? plain.method} ${recipe.path ?? plain.path} HTTP/1.1`,
    'Host: latchkey',
    `Authorization: ${recipe.credentials ?? basic(person.email, person.password)}`,
    ...(body.length > 0 ? ['Content-Type: application/json', `Content-Length: ${body.length}`] : []),
    ...recipe.headers,
  ]
  return recipe.edits.reduce(spoil, Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), body]))
}

const plainRequest = (recipe: Recipe, { id, code }: Person): { method: string; path: string; body: string } => {
  switch (recipe.action) {
    case 'register':
      return {
        method: 'POST',
        path: '/v1/users',
        body: JSON.stringify({ email: recipe.email, password: recipe.password }),
      }
    case 'status':
      return { method: 'GET', path: `/v1/users/${id}`, body: '' }
    case 'resend':
      return { method: 'POST', path: `/v1/users/${id}/codes`, body: '' }
    case 'activate':
      return { method: 'POST', path: `/v1/users/${id}/activation`, body: JSON.stringify({ code }) }
    case 'guess':
      return { method: 'POST', path: `/v1/users/${id}/activation`, body: '{"code":"0000"}' }
    case 'page':
      return { method: 'GET', path: recipe.page, body: '' }
  }
}

const spoil = (request: Buffer, { kind, at, size, bytes }: Edit): Buffer => {
  const place = Math.floor(at * request.length)
  const [before, after] = [request.subarray(0, place), request.subarray(place)]
  if (kind === 'insert') return Buffer.concat([before, bytes, after])
  if (kind === 'remove') return Buffer.concat([before, after.subarray(size)])
  if (kind === 'repeat') return Buffer.concat([before, after.subarray(0, size), after])
  return Buffer.concat([before, after.subarray(0, 1).map((byte) => byte ^ (bytes[0] ?? 1)), after.subarray(1)])
}
