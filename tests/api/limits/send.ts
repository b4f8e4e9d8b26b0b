import { PASSWORD, post } from '../../support/api.ts'
import { type App, from } from '../api-client.ts'

/** A registration from this address of the network. */
export const send = (
  app: App,
  email = 'ada@example.com',
  address = '192.0.2.1',
  headers: Record<string, string> = {},
) => app.request('/v1/users', post({ email, password: PASSWORD }, headers), from(address))
