import { basic, PASSWORD } from '../../support/api.ts'
import { type App, from } from '../api-client.ts'

const ADDRESS = '192.0.2.1'

/** What the owner of an account asks of it, at this api unless another is named. */
export const accountRequests = (app: () => App) => ({
  signIn: (email: string, password = PASSWORD, { at = ADDRESS, api = app() } = {}) =>
    api.request('/v1/account', { headers: { authorization: basic(email, password) } }, from(at)),

  remove: (email: string, password = PASSWORD) =>
    app().request('/v1/account', { method: 'DELETE', headers: { authorization: basic(email, password) } }),

  change: (email: string, body: unknown, password = PASSWORD) =>
    app().request('/v1/account/password', {
      method: 'PUT',
      headers: { authorization: basic(email, password), 'content-type': 'application/json' },
      body: JSON.stringify(body),
    }),
})
